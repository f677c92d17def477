"""The steps of a plan as JSON: what the runner's CPU executor does, in turn.

A view is [dtype's letter, place, offset, the stride of each axis of its loop], in
elements; a place is the heap, the region's scratch, or one of its inputs or outputs. A
uint8 takes a byte of memory, everything else a word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neurenix import dtypes
from neurenix.errors import ExportError
from neurenix.phynexus.plan.instructions import (
    NAMES,
    Call,
    Copy,
    Dot,
    Fused,
    Index,
    Iota,
    Op,
    Record,
)
from neurenix.phynexus.plan.plan import Plan, Region, Step
from neurenix.phynexus.plan.views import Block, Shape, View, contiguous
from neurenix.primitives.sources import ConstantArray

from ..lowering.storage import element_bytes
from .layout import DTYPES
from .loops import best_order, collapsed
from .placing import letter_of, outputs_of

Json = dict[str, Any]
ABSOLUTE, SCRATCH, FIRST = range(3)  # places: the heap, scratch, then operands
_DTYPES = {d.code: d for d in dtypes.ALL}


class Writer:
    """Writes the regions of a plan whose memory is in words.

    constant   gives the address in the heap of a constant
    """

    def __init__(self, plan: Plan, constant: Callable[[ConstantArray], int]) -> None:
        self.plan = plan
        self.constant = constant

    def regions(self) -> list[list[Json]]:
        return [self.steps(region) for region in self.plan.regions]

    def steps(self, region: Region) -> list[Json]:
        return [
            {"op": _op_of(step), **self.step(step, region)}
            for step in region.steps
            if isinstance(step.params, Call) or _writes(step)
        ]

    def step(self, step: Step, region: Region) -> Json:
        writer = _WRITERS.get(type(step.params))
        if writer is None:
            raise ExportError(
                f"export: the runner for the web has no step for {NAMES[step.opcode]}, "
                f"which {step.source or 'an unknown line'} needs"
            )
        return writer(self, step, step.params, region)

    def place(self, view: View, region: Region) -> tuple[int, int]:
        """Its place, and where it begins there, in elements."""
        root, size = view.root, element_bytes(view.dtype)
        if isinstance(root, Block):
            if root.home is None:
                return SCRATCH, int(root) // size + view.offset
            root = root.home
        kind, which = root
        if kind == "constant":
            return ABSOLUTE, self.constant(which) * 4 // size + view.offset
        first = FIRST if kind == "input" else FIRST + region.inputs
        return first + which, view.offset

    def view(self, view: View, strides: Sequence[int], region: Region) -> list[Any]:
        place, offset = self.place(view, region)
        return [DTYPES[view.dtype.name], place, offset, *strides]

    def looped(self, step: Step, region: Region, shape: Shape) -> Json:
        """The shape of a loop over views that all have it. A view that runs through it
        one element after the other has no strides here, one that stays has one 0."""
        outputs = outputs_of(step)
        views = [*step.inputs, *outputs]
        strides = [v.strides for v in views]
        sizes, steps = collapsed(shape, strides, best_order(shape, strides))
        dense = list(contiguous(tuple(sizes)))
        made = []
        for view, own in zip(views, steps, strict=True):
            if own == dense:
                own = []
            elif not any(own):
                own = [0]
            made.append(self.view(view, own, region))
        count = len(step.inputs)
        return {"shape": sizes, "x": made[:count], "y": made[count:]}


def _op_of(step: Step) -> str:
    return "fused" if isinstance(step.params, Copy | Iota) else NAMES[step.opcode]


def _writes(step: Step) -> bool:
    return any(math.prod(view.shape) for view in outputs_of(step))


def _fused(w: Writer, step: Step, p: Fused, region: Region) -> Json:
    """An end is [register], which is stored, or [register, reduction, the shape that is
    left, strides of the loop in that, strides of that in the output]."""
    looped = w.looped(step, region, p.shape)
    ends: list[list[Any]] = [[end.value] for end in p.ends]
    if any(end.reduction for end in p.ends):
        # Their strides are needed as they are, so that the views are not shortened.
        views = [*step.inputs, *outputs_of(step)]
        strides = [v.strides for v in views]
        _, steps = collapsed(p.shape, strides, best_order(p.shape, strides))
        for k, end in enumerate(p.ends):
            if end.reduction:
                own = steps[len(step.inputs) + k]
                left = [
                    n if s else 1 for n, s in zip(looped["shape"], own, strict=True)
                ]
                dense = contiguous(tuple(left))
                within = [d if s else 0 for d, s in zip(dense, own, strict=True)]
                ends[k] += [NAMES[end.reduction], left, within, own]
    ops = [
        [_name(op), letter_of(_DTYPES[op.dtype], NAMES[op.opcode], step), *op.registers]
        for op in p.ops
    ]
    return {**looped, "ops": ops, "ends": ends}


def _name(op: Op) -> str:
    """The operation's name; casts to bool, which lies as uint8 does, have their own."""
    name = NAMES[op.opcode]
    return "to_bool" if name == "cast" and op.dtype == dtypes.bool_.code else name


def _copy(w: Writer, step: Step, p: Copy, region: Region) -> Json:
    """An expression without operations."""
    looped = w.looped(step, region, step.inputs[0].shape)
    return {**looped, "ops": [], "ends": [[0]]}


def _dot(w: Writer, step: Step, p: Dot, region: Region) -> Json:
    """Loops over batches, rows, columns and the depth: the shape of each, and strides
    in what takes part of both factors and the result."""
    x, y = step.inputs
    (out,) = outputs_of(step)
    b, m, k = p.batch, p.m, p.k

    def loop(shape: Shape, *strides: Shape) -> list[Any]:
        sizes, steps = collapsed(shape, strides, tuple(range(len(shape))))
        return [sizes, *steps]

    return {
        "x": [w.view(x, (), region), w.view(y, (), region)],
        "y": [w.view(out, (), region)],
        "batch": loop(x.shape[:b], x.strides[:b], y.strides[:b], out.strides[:b]),
        "rows": loop(x.shape[b : b + m], x.strides[b : b + m], out.strides[b : b + m]),
        "columns": loop(y.shape[b + k :], y.strides[b + k :], out.strides[b + m :]),
        "depth": loop(y.shape[b : b + k], x.strides[b + m :], y.strides[b : b + k]),
    }


def _index(w: Writer, step: Step, p: Index, region: Region) -> Json:
    """The loop runs over the result of a gather, or the updates of a scatter; the view
    of what is indexed has its axis apart. A scatter starts with a copy."""
    whole, index = step.inputs[:2]
    (out,) = outputs_of(step)
    gathers = len(step.inputs) == 2
    looped, chosen = (out, whole) if gathers else (step.inputs[2], out)
    width = len(index.shape) - p.batch
    rest = len(looped.shape) - p.axis - width
    around = (*chosen.strides[: p.axis], *(0,) * width, *chosen.strides[p.axis + 1 :])
    lead, own = index.strides[: p.batch], index.strides[p.batch :]
    along = (*lead, *(0,) * (p.axis - p.batch), *own, *(0,) * rest)
    order = tuple(range(len(looped.shape)))
    strides = [looped.strides, along, around]
    sizes, steps = collapsed(looped.shape, strides, order)
    written: Json = {
        "shape": sizes,
        "size": chosen.shape[p.axis],
        "stride": chosen.strides[p.axis],
        "value": w.view(looped, steps[0], region),
        "index": w.view(index, steps[1], region),
        "chosen": w.view(chosen, steps[2], region),
    }
    if not gathers:
        start = Step(step.opcode, [whole], [out], Copy())
        written["start"] = _copy(w, start, Copy(), region)
    return written


def _iota(w: Writer, step: Step, p: Iota, region: Region) -> Json:
    """A copy of the numbers along its axis."""
    (out,) = outputs_of(step)
    count = out.shape[p.axis]
    ramp = ConstantArray(np.arange(count).astype(out.dtype.numpy), out.dtype)
    strides = tuple(int(a == p.axis) for a in range(len(out.shape)))
    view = View(("constant", ramp), out.dtype, out.shape, strides)
    return _copy(w, Step(step.opcode, [view], [out], Copy()), Copy(), region)


def _call(w: Writer, step: Step, p: Call, region: Region) -> Json:
    views = [*step.inputs, *outputs_of(step)]
    return {
        "region": step.region,
        "scratch": int(p.scratch),
        "views": [w.view(view, (), region) for view in views],
    }


_WRITERS: dict[type[Record], Callable[..., Json]] = {
    Fused: _fused,
    Copy: _copy,
    Dot: _dot,
    Index: _index,
    Iota: _iota,
    Call: _call,
}
