"""Schedules instructions: reductions over one space come next to each other.

A group of fused instructions ends where something else reads one of its results. What
follows a reduction and is small (a mean from its sum, a gradient of a scale) need not
run at once: put off until it is needed, it leaves the group open for other reductions
of the same values, which then take no further pass over them.

And what is reduced in two ways (pooling by its maximum, its derivative by where that
was) is reduced in both at once, so that what is large need not wait for the second.
"""

from __future__ import annotations

from typing import Any

from ..program.ir import Instruction, Program, Symbol


def reductions_together(program: Program) -> Program:
    """The program with small followers of reductions as late as their readers allow,
    and reductions of one value along the same axes as early as the first of them."""
    reduced: dict[Symbol, int] = {}  # elements of what a value is reduced from
    waiting: dict[Symbol, Instruction] = {}
    siblings: dict[Any, list[Instruction]] = {}
    for i in program.instructions:
        if i.primitive.family == "reduction":
            siblings.setdefault((i.inputs[0], i.params["axes"]), []).append(i)
    out: dict[Instruction, None] = {}  # in this order

    def emit(i: Instruction) -> None:
        stack = [i]
        while stack:
            ahead = [waiting[s] for s in stack[-1].inputs if s in waiting]
            if ahead:
                stack += ahead[:1]
                continue
            ready = stack.pop()
            out[ready] = None
            for s in ready.outputs:
                waiting.pop(s, None)

    for i in program.instructions:
        family = i.primitive.family
        origin = max((reduced.get(s, 0) for s in i.inputs), default=0)
        if family == "reduction":
            origin = max(origin, i.inputs[0].type.size)
        size = max((s.type.size for s in i.outputs), default=0)
        if family in ("reduction", "movement", "elementwise") and size < origin:
            reduced.update(dict.fromkeys(i.outputs, origin))
            if family != "reduction":
                waiting.update(dict.fromkeys(i.outputs, i))
                continue
            for other in siblings[i.inputs[0], i.params["axes"]]:
                emit(other)
        emit(i)
    for s in program.outputs:
        if s in waiting:
            emit(waiting[s])
    return program.made_of(list(out), program.outputs)
