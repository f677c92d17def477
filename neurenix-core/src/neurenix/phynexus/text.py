"""A plan as text: what crosses to a native engine, for documents and for engines'
authors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import dtypes
from ..primitives import all_primitives
from .plan.encode import CONSTANTS, INPUT, SCRATCH, Encoded

_DTYPES = {d.code: d.name for d in dtypes.ALL}
_PLACES = {SCRATCH: "scratch", CONSTANTS: "constants"}


def plan_text(plan: Encoded) -> str:
    """Every region with its instructions, in their order.

    A value is written as its place, its dtype and shape, and its strides (in elements)
    where they are not row-major.

    >>> import neurenix as nx
    >>> from neurenix.testing import plan_of
    >>> print(plan_text(plan_of(lambda x: x.T, nx.zeros(2, 3))))
    region 0: 1 input, 1 output, 0 bytes of scratch
      copy
        from input 0: float32[3, 2] strides (1, 3)
        to output 0: float32[3, 2]
    """
    regions = range(len(plan.regions))
    return "\n".join(line for number in regions for line in _region(plan, number))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _region(plan: Encoded, number: int) -> Iterator[str]:
    region = plan.regions[number]
    yield (
        f"region {number}: {_count(region['inputs'], 'input')}, "
        f"{_count(region['outputs'], 'output')}, "
        f"{_count(region['scratch_bytes'], 'byte')} of scratch"
    )
    first = region["first_instruction"]
    for i in plan.instructions[first : first + region["instructions"]]:
        yield from _instruction(plan, i)


def _instruction(plan: Encoded, i: Any) -> Iterator[str]:
    start, middle = i["first_operand"], i["first_operand"] + i["inputs"]
    inputs = plan.operands[start:middle]
    outputs = plan.operands[middle : middle + i["outputs"]]
    at = i["first_param"]
    params = [int(p) for p in plan.params[at : at + i["params"]]]
    name = _name(int(i["opcode"]))
    told = _TOLD.get(name)
    what = "" if told is None else told(params, len(inputs))
    if told is None and params:
        what = f"params {', '.join(map(str, params))}"
    if i["region"] >= 0:
        what = f"of region {i['region']}, {what}"
    yield f"  {name} {what}".rstrip()
    for index in inputs:
        yield f"    from {_value(plan, index)}"
    if name == "fused":
        yield from (f"      {line}" for line in _expression(params, len(inputs)))
    for index in outputs:
        yield f"    to {_value(plan, index)}"


def _name(opcode: int) -> str:
    found = (p.name for p in all_primitives() if p.opcode == opcode)
    return next(found, "copy")  # the one opcode that is no primitive


def _value(plan: Encoded, index: int) -> str:
    if index < 0:
        return "nowhere: nobody reads it"
    v = plan.values[index]
    rank = int(v["rank"])
    shape = [int(n) for n in v["shape"][:rank]]
    strides = [int(n) for n in v["strides"][:rank]]
    space = int(v["space"])
    place = _PLACES.get(space) or (
        f"{'input' if space == INPUT else 'output'} {v['index']}"
    )
    if v["offset"] or space in _PLACES:
        place += f" + {v['offset']}"
    text = f"{place}: {_DTYPES[int(v['dtype'])]}{shape}"
    return text if strides == _row_major(shape) else f"{text} strides {tuple(strides)}"


def _row_major(shape: Sequence[int]) -> list[int]:
    strides: list[int] = []
    step = 1
    for n in reversed(shape):
        strides.insert(0, step)
        step *= n
    return strides


# ---- parameters, in words ------------------------------------------------------------


def _fused(params: list[int], inputs: int) -> str:
    rank = params[3]
    return f"over {params[4 : 4 + rank]}"


def _expression(params: list[int], inputs: int) -> Iterator[str]:
    ops, outputs, reduced, rank, *rest = params
    rest = rest[rank:]
    for k in range(ops):
        opcode, dtype, a, b, c, immediate = rest[6 * k : 6 * k + 6]
        operands = [f"r{r}" for r in (a, b, c) if r >= 0]
        name = _name(opcode)
        if name == "integer_pow":
            operands.append(str(immediate))
        yield f"r{inputs + k} = {name}({', '.join(operands)}) {_DTYPES[dtype]}"
    axes = [d for d in range(rank) if reduced >> d & 1]
    for k in range(outputs):
        register, reduction = rest[6 * ops + 2 * k : 6 * ops + 2 * k + 2]
        over = f", its {_name(reduction)} over axes {axes}" if reduction else ""
        yield f"output {k}: r{register}{over}"


def _map(params: list[int], inputs: int) -> str:
    iterations, chunk, *flags = params
    mapped = ", ".join("mapped" if f else "shared" for f in flags[:inputs])
    made = ", ".join("summed" if f else "stacked" for f in flags[inputs:])
    return f"{iterations} iterations, chunk {chunk}, inputs {mapped}, outputs {made}"


def _call(params: list[int], inputs: int) -> str:
    return f"its scratch at {params[0]}"


def _scan(params: list[int], inputs: int) -> str:
    scratch, length, consts, carries, xs, ys, reverse, *turns = params
    counts = ", ".join(
        _count(number, noun)
        for number, noun in (
            (consts, "constant"),
            (carries, "carry"),
            (xs, "x"),
            (ys, "y"),
        )
    ).replace("carrys", "carries")
    direction = "backwards" if reverse else "forwards"
    pairs = [f"{a} and {b}" for a, b in zip(turns[::2], turns[1::2], strict=True)]
    return (
        f"{length} iterations {direction}, {counts}, its scratch at {scratch}, "
        f"carries in turn at {'; '.join(pairs) or 'nowhere'}"
    )


_TOLD = {"fused": _fused, "map": _map, "call": _call, "scan": _scan}
