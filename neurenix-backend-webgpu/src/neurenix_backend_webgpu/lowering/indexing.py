"""gather: a copy that finds along one axis where to read."""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Index
from neurenix.phynexus.plan.plan import Step

from .indices import Offsets, joined, names, unravel
from .kernel import Kernel, Row, one_each
from .storage import Operand


def gather(step: Step, p: Index) -> list[Kernel]:
    x, index = step.inputs
    (out,) = step.outputs
    assert out is not None
    if not math.prod(out.shape):
        return []
    wide = len(index.shape) - p.batch
    at, end = p.axis, p.axis + wide
    along = x.strides[at]
    none = (0,) * wide
    of_x = (*x.strides[:at], *none, *x.strides[at + 1 :])
    of_index = (
        *index.strides[: p.batch],
        *(0,) * (at - p.batch),
        *index.strides[p.batch :],
        *(0,) * (len(out.shape) - end),
    )
    axes = joined(out.shape, out.order, [of_x, of_index, out.strides])
    row = Row()
    source, which = Operand(row, x), Operand(row, index)
    target = Operand(row, out, write=True)
    offsets = Offsets(row, names("i", axes.sizes))
    from_x, from_index, to = (offsets.at(s) for s in axes.strides)
    place = clamped(row, which.load(from_index), x.shape[at])
    lines = [
        *unravel(row, axes.sizes, "e", "i"),
        f"let place = {place};",
        target.store(to, source.load(f"{from_x} + place * {row.number(along)}")),
    ]
    return [one_each(row, axes.count, lines)]


def clamped(row: Row, word: str, size: int) -> str:
    """The word of an index, within 0 .. size - 1."""
    last = row.number(max(size - 1, 0))
    return f"u32(clamp(bitcast<i32>({word}), 0, bitcast<i32>({last})))"
