"""Forward mode: a program's derivative along a direction, an instruction at a time.

Each instruction is followed by its own tangent, so that a value is needed no longer
than in the program itself; `nx.jvp`, the pullback of a whole pullback, computes all
values first and then all tangents. An instruction's tangent is the pullback of its
pullback, which is linear in the cotangent: what depends on the cotangent is dead code,
and no primitive needs a rule of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..autograd.mode import Differentiation, filled
from ..passes.prune import without_dead_code
from ..primitives import ops
from ..program import Instruction, Program, Symbol
from ..tensor import Tensor
from .capture import _emit, capture_flat


def tangent_program(program: Program, moving: int) -> Program:
    """(inputs, tangents of the first `moving` of them) to the outputs' tangents; what
    moves, and all outputs, are floating."""
    count = len(program.inputs)

    def along(*values: Tensor) -> list[Tensor]:
        tangents: list[Tensor | None] = [None] * count
        tangents[:moving] = values[count:]
        outputs, tangents = _forward(program, values[:count], tangents)
        return [filled(t, y) for y, t in zip(outputs, tangents, strict=True)]

    types = program.input_types
    made, lifted = capture_flat(along, [*types, *types[:moving]])
    assert not lifted, "a program uses what it was not given"
    return without_dead_code(made)


def _forward(
    program: Program, values: Sequence[Tensor], tangents: Sequence[Tensor | None]
) -> tuple[list[Tensor], list[Tensor | None]]:
    known: dict[Symbol, Tensor] = dict(zip(program.inputs, values, strict=True))
    moving = {
        s: t for s, t in zip(program.inputs, tangents, strict=True) if t is not None
    }
    for i in program.instructions:
        inputs = [known[s] for s in i.inputs]
        directions = [moving.get(s) for s in i.inputs]
        found: Sequence[Tensor | None]
        if i.primitive is ops.call and i.params.get("vjp") is None:
            results, found = _forward(i.params["body"], inputs, directions)
        else:
            results = list(_emit(i, inputs))
            found = _tangents(i, inputs, directions)
        known.update(zip(i.outputs, results, strict=True))
        moving.update(
            (s, t) for s, t in zip(i.outputs, found, strict=True) if t is not None
        )
    return [known[s] for s in program.outputs], [moving.get(s) for s in program.outputs]


def _tangents(
    i: Instruction, inputs: Sequence[Tensor], directions: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The tangents of an instruction's outputs; None where no input moves."""
    nothing: list[Tensor | None] = [None] * len(i.outputs)
    along = [k for k, d in enumerate(directions) if d is not None]
    if not along:
        return nothing
    replaced = list(inputs)
    with Differentiation([inputs[k] for k in along]) as d:
        for k, leaf in zip(along, d.leaves, strict=True):
            replaced[k] = leaf
        outputs = _emit(i, replaced)
        floating = [n for n, y in enumerate(outputs) if y.dtype.is_floating]
        d.reach([outputs[n] for n in floating])
    for n, t in zip(floating, d.push([directions[k] for k in along]), strict=True):
        nothing[n] = t
    return nothing
