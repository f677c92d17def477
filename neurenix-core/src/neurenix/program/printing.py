"""A program as text, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dtypes import Dtype

if TYPE_CHECKING:
    from .ir import Program, Symbol


def to_text(program: Program) -> str:
    """Readable lines: regions first, then the program.

    >>> import neurenix as nx
    >>> print(nx.capture(lambda x: (x * 2).sum(), nx.zeros(3)))
    program(a: float32[3]) -> d
      b: float32[] = constant(value=2.0)
      c: float32[3] = mul(a, b)  # ...
      d: float32[] = sum(c, axes=(0))  # ...
    """
    regions = [*program.regions(), program]
    titles = {r: f"region{i}" for i, r in enumerate(regions)}
    titles[program] = "program"
    return "\n".join(_one(r, titles) for r in regions)


def _names(program: Program) -> dict[Symbol, str]:
    symbols = [*program.inputs, *(s for i in program.instructions for s in i.outputs)]
    return {s: _letters(i) for i, s in enumerate(symbols)}


def _letters(i: int) -> str:
    name = ""
    while True:
        name = chr(97 + i % 26) + name
        i = i // 26 - 1
        if i < 0:
            return name


def _one(program: Program, titles: dict[Program, str]) -> str:
    names = _names(program)
    head = ", ".join(f"{names[s]}: {s.type}" for s in program.inputs)
    lines = [
        f"{titles[program]}({head}) -> {', '.join(names[s] for s in program.outputs)}"
        + _origin(program, titles)
    ]
    for i in program.instructions:
        params = [
            f"{k}={titles[v] if k == 'body' else _param_text(v)}"
            for k, v in i.params.items()
        ]
        out = ", ".join(f"{names[s]}: {s.type}" for s in i.outputs)
        arguments = ", ".join([*(names[s] for s in i.inputs), *params])
        lines.append(
            f"  {out} = {i.primitive.name}({arguments})"
            + (f"  # {i.source}" if i.source else "")
        )
    return "\n".join(lines)


def _origin(program: Program, titles: dict[Program, str]) -> str:
    of = program.reverse_of
    forward = None if of is None else of.forward()
    if forward is None or forward not in titles:
        return ""
    return f"  # the reverse of {titles[forward]}"


def _param_text(value: Any) -> str:
    if isinstance(value, Dtype):
        return value.name
    if isinstance(value, tuple):
        return "(" + ",".join(map(_param_text, value)) + ")"
    return str(int(value)) if isinstance(value, bool) else repr(value)
