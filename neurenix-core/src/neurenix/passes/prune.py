"""Dead-code elimination: instructions, outputs and inputs of regions that nobody
reads."""

from __future__ import annotations

from ..primitives import ops
from ..primitives.control import says_how_to_differentiate
from ..program.ir import Instruction, Program, Symbol, renamed
from ..program.memo import derived


def without_dead_code(program: Program) -> Program:
    """Only the instructions that an output needs."""
    live: set[Symbol] = set(program.outputs)
    kept = []
    for i in reversed(program.instructions):
        if any(s in live for s in i.outputs):
            kept.append(i)
            live.update(i.inputs)
    if len(kept) == len(program.instructions):
        return program
    return program.made_of(kept[::-1], program.outputs)


def prune_regions(program: Program) -> Program:
    """Calls and maps without the outputs that nobody reads, and without the inputs that
    only those needed."""
    live: set[Symbol] = set(program.outputs)
    kept: list[Instruction] = []
    for i in reversed(program.instructions):
        if not any(s in live for s in i.outputs):
            continue
        has_body = i.primitive in (ops.call, ops.map)
        if has_body and not says_how_to_differentiate(i.params):
            i = _pruned(i, tuple(s in live for s in i.outputs))
        kept.append(i)
        live.update(i.inputs)
    kept.reverse()
    if tuple(kept) == program.instructions:
        return program
    return program.made_of(kept, program.outputs)


def _pruned(i: Instruction, used: tuple[bool, ...]) -> Instruction:
    mapped = i.params["mapped"] if i.primitive is ops.map else None
    short, needed = derived(
        i.params["body"],
        ("pruned", used, mapped),
        lambda body: _shortened(body, used, mapped),
    )
    if all(used) and all(needed):
        return i
    params = {**i.params, "body": short}
    if i.primitive is ops.map:
        params["mapped"] = tuple(
            m for m, n in zip(i.params["mapped"], needed, strict=True) if n
        )
        params["summed"] = tuple(
            s for s, u in zip(i.params["summed"], used, strict=True) if u
        )
    inputs = [s for s, n in zip(i.inputs, needed, strict=True) if n]
    outputs = [s for s, u in zip(i.outputs, used, strict=True) if u]
    return Instruction(i.primitive, inputs, params, outputs, i.source)


def _shortened(
    body: Program, used: tuple[bool, ...], mapped: tuple[bool, ...] | None
) -> tuple[Program, tuple[bool, ...]]:
    """The body with only the used outputs, and which of its inputs it then needs."""
    ends = [s for s, u in zip(body.outputs, used, strict=True) if u]
    short = without_dead_code(Program(body.inputs, body.instructions, ends))
    read = {s for j in short.instructions for s in j.inputs} | set(ends)
    needed = tuple(s in read for s in body.inputs)
    if mapped is not None and not any(
        n and m for n, m in zip(needed, mapped, strict=True)
    ):
        # one mapped input must stay, to say how many iterations there are
        needed = (True, *needed[1:])
    inputs = [s for s, n in zip(short.inputs, needed, strict=True) if n]
    return renamed(Program(inputs, short.instructions, ends)), needed
