"""Residuals: values that a call computes and hands to the call of its pullback.

A pullback on the same inputs as its call computes the forward values again; here the
first call gives them out instead, and the second takes them. Derived once for a body,
however many steps call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..primitives import ops
from ..primitives.control import says_how_to_differentiate
from ..program.ir import Instruction, Program, Symbol, renamed
from ..program.memo import derived
from .prune import without_dead_code
from .simplify import Rewriter


def share_residuals(program: Program, refined: Callable[[Program], Program]) -> Program:
    """Calls and their pullbacks' calls, the second reusing values of the first;
    `refined`: a pass that makes a program do less, applied to both together."""
    forward: dict[Any, int] = {}
    replaced: dict[int, Instruction] = {}
    instructions = list(program.instructions)
    for position, i in enumerate(instructions):
        if i.primitive is not ops.call or says_how_to_differentiate(i.params):
            continue
        body: Program = i.params["body"]
        of = body.reverse_of
        first = forward.get((of.forward(), i.inputs[: of.inputs])) if of else None
        if first is not None and first not in replaced:
            before = instructions[first]
            forward_body, rest, residual_types = derived(
                before.params["body"],
                ("split", body),
                lambda ahead, behind=body: _split(ahead, behind, refined),  # type: ignore[misc]
            )
            residuals = [Symbol(t) for t in residual_types]
            replaced[first] = Instruction(
                ops.call,
                before.inputs,
                {"body": forward_body},
                (*before.outputs, *residuals),
                before.source,
            )
            replaced[position] = Instruction(
                ops.call, (*i.inputs, *residuals), {"body": rest}, i.outputs, i.source
            )
        forward.setdefault((body, i.inputs), position)
    if not replaced:
        return program
    merged = [replaced.get(k, i) for k, i in enumerate(instructions)]
    return program.made_of(merged, program.outputs)


def _split(
    forward: Program, backward: Program, refined: Callable[[Program], Program]
) -> tuple[Program, Program, list[Any]]:
    """(forward with residuals, backward from residuals, types of the residuals)."""
    both = Rewriter()
    for i in forward.instructions:
        both.add(i)
    ends = [both.read(s) for s in forward.outputs]
    count = len(forward.inputs)
    for old, new in zip(backward.inputs, forward.inputs, strict=False):
        both.bind(old, new)
    cotangents = backward.inputs[count:]
    for i in backward.instructions:
        both.add(i)
    results = [both.read(s) for s in backward.outputs]
    inputs = [*forward.inputs, *cotangents]
    joint = refined(Program(inputs, both.instructions, [*ends, *results]))
    ends, results = list(joint.outputs[: len(ends)]), list(joint.outputs[len(ends) :])
    made_by = {s: i for i in joint.instructions for s in i.outputs}

    late: set[Symbol] = set(cotangents)
    for i in joint.instructions:
        if any(s in late for s in i.inputs):
            late.update(i.outputs)
    arguments = set(forward.inputs)
    residuals: dict[Symbol, None] = {}
    again: set[Symbol] = set()  # free ones that the backward program makes itself
    wanted = [
        s
        for i in joint.instructions
        if any(o in late for o in i.outputs)
        for s in i.inputs
    ]
    wanted += results
    while wanted:
        s = wanted.pop()
        if s in late or s in arguments or s in again:
            continue
        maker = made_by[s]
        if maker.primitive.traits.free:
            again.add(s)
            wanted += maker.inputs
        else:
            residuals.setdefault(s)
    for s in list(residuals):
        maker = made_by[s]
        known = arguments.union(residuals, again) - {s}
        if maker.primitive.traits.mask and known.issuperset(maker.inputs):
            del residuals[s]
            again.add(s)
    kept = list(residuals)
    with_residuals = without_dead_code(
        Program(
            forward.inputs,
            [i for i in joint.instructions if not any(o in late for o in i.outputs)],
            [*ends, *kept],
        )
    )
    tail = [
        i for i in joint.instructions if any(o in late or o in again for o in i.outputs)
    ]
    rest = without_dead_code(
        Program([*forward.inputs, *cotangents, *kept], tail, results)
    )
    # two programs may not share the symbols of their inputs: each gets its own
    rest = renamed(rest)
    return with_residuals, rest, [s.type for s in kept]
