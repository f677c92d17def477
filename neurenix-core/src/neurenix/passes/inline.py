"""Inlining: bodies of calls replace the calls."""

from __future__ import annotations

from ..primitives import ops
from ..primitives.control import says_how_to_differentiate
from ..program.ir import Instruction, Program, Symbol, renamed


def inline_once(program: Program) -> Program:
    """Inlines bodies that are called once: their instructions then meet the others."""
    counts: dict[Program, int] = {}
    for i in program.instructions:
        if _is_plain_call(i):
            counts[i.params["body"]] = counts.get(i.params["body"], 0) + 1
    once = {body for body, n in counts.items() if n == 1}
    return inline_once(_inlined(program, once)) if once else program


def inline_empty(program: Program) -> Program:
    """Inlines bodies that only hand on their inputs."""
    calls = [i for i in program.instructions if _is_plain_call(i)]
    empty = {i.params["body"] for i in calls if not i.params["body"].instructions}
    return _inlined(program, empty) if empty else program


def _is_plain_call(i: Instruction) -> bool:
    return i.primitive is ops.call and not says_how_to_differentiate(i.params)


def _inlined(program: Program, bodies: set[Program]) -> Program:
    names: dict[Symbol, Symbol] = {}
    out: list[Instruction] = []
    for i in program.instructions:
        i = i.with_inputs([names.get(s, s) for s in i.inputs])
        if not _is_plain_call(i) or i.params["body"] not in bodies:
            out.append(i)
            continue
        body = renamed(i.params["body"])
        inner: dict[Symbol, Symbol] = dict(zip(body.inputs, i.inputs, strict=True))
        out += [
            j.with_inputs([inner.get(s, s) for s in j.inputs])
            for j in body.instructions
        ]
        names.update(
            (o, inner.get(s, s)) for o, s in zip(i.outputs, body.outputs, strict=True)
        )
    return program.made_of(out, [names.get(s, s) for s in program.outputs])
