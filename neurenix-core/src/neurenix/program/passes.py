"""The passes between a captured program and a backend, in their order."""

from __future__ import annotations

from .ir import Program, Symbol


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
    return Program(program.inputs, kept[::-1], program.outputs)


def prepare(program: Program) -> Program:
    """Everything that makes a program quicker without changing what it computes."""
    return without_dead_code(program)
