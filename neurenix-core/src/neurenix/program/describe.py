"""Instructions in words: what a profile and its readers call them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .ir import Instruction, Program, Symbol

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_LONGEST = 48  # characters of an expression


@dataclass(frozen=True)
class Description:
    """A primitive's name; of fused ones what they compute from inputs a, b, ...; the
    shapes of inputs and outputs; the user's line."""

    primitive: str
    expression: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    source: str | None


def describe_instruction(i: Instruction) -> Description:
    expression = ""
    if i.primitive.name == "fused":
        expression = _fused_body(i.params["body"], i.params["reductions"])
    return Description(
        i.primitive.name,
        expression,
        tuple(s.type.shape for s in i.inputs),
        tuple(s.type.shape for s in i.outputs),
        i.source,
    )


def with_sources(
    described: Sequence[Description], outer: str | None
) -> list[str | None]:
    """A source line for each step. A copy that the plan adds has none, and gets the
    line of the step before it, else of the step after it, else of the region."""
    lines = [d.source for d in described]
    known = next((line for line in lines if line), outer)
    for k, line in enumerate(lines):
        known = lines[k] = line or known
    return lines


def letter(i: int) -> str:
    return chr(97 + i) if i < 26 else f"x{i}"


def applied(name: str, arguments: Iterable[str]) -> str:
    given = list(arguments)
    if name in _INFIX and len(given) == 2:
        text = f"({given[0]} {_INFIX[name]} {given[1]})"
    else:
        text = f"{name}({', '.join(given)})"
    # a value that is used twice is written twice: cut, before the text doubles for ever
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def output_texts(texts: Iterable[str]) -> str:
    bare = [
        t[1:-1] if t.startswith("(") and t.endswith(")") else t
        for t in dict.fromkeys(texts)
    ]
    text = ", ".join(bare)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _fused_body(body: Program, reductions: Sequence[str | None]) -> str:
    texts: dict[Symbol, str] = {s: letter(i) for i, s in enumerate(body.inputs)}
    for i in body.instructions:
        if i.primitive.name == "constant":
            texts[i.outputs[0]] = f"{i.params['value'].array.item():g}"
        elif i.primitive.name == "broadcast":
            texts[i.outputs[0]] = texts[i.inputs[0]]
        else:
            texts[i.outputs[0]] = applied(
                i.primitive.name, (texts[s] for s in i.inputs)
            )
    return output_texts(
        applied(r, [texts[s]]) if r else texts[s]
        for s, r in zip(body.outputs, reductions, strict=True)
    )


def walk(
    root: Any,
    steps: Callable[[Any], Sequence[Any]],
    describe: Callable[[Any], Description],
    region: Callable[[Any], Any],
) -> Iterable[tuple[Any, Description, str, str | None]]:
    """Every instruction of a program or plan, and of its regions once each: with its
    description, the control instructions around it, and its line."""
    seen: set[Any] = set()
    stack: list[tuple[Any, str, str | None]] = [(root, "", None)]
    while stack:
        here, around, outer = stack.pop()
        if here in seen:
            continue
        seen.add(here)
        items = steps(here)
        described = [describe(x) for x in items]
        inner = []
        for x, d, line in zip(items, described, with_sources(described, outer)):
            yield x, d, around, line
            body = region(x)
            if body is not None:
                inner.append((body, f"{around}{d.primitive} > ", line))
        stack += reversed(inner)
