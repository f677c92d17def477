"""The steps of a plan as JSON: what the runner's CPU executor does, one by one.

A view is [dtype's letter, place, offset, the stride of each axis of its loop]; a place
is the heap, the region's scratch, or one of its inputs or outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from neurenix import dtypes
from neurenix.phynexus.plan.instructions import (
    NAMES,
    Call,
    Copy,
    Dot,
    Fused,
    Index,
    Iota,
    Record,
)
from neurenix.phynexus.plan.plan import Plan, Region, Step
from neurenix.phynexus.plan.views import Block, Shape, View
from neurenix.primitives.sources import ConstantArray

from .loops import best_order, collapsed
from .words import DTYPES

Json = dict[str, Any]
ABSOLUTE, SCRATCH, FIRST = range(3)  # places: the heap, scratch, then operands
_LETTERS = {d.code: DTYPES.get(d.name) for d in dtypes.ALL}


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
            {"op": NAMES[step.opcode], **self.step(step, region)}
            for step in region.steps
            if isinstance(step.params, Call) or _writes(step)
        ]

    def step(self, step: Step, region: Region) -> Json:
        return _WRITERS[type(step.params)](self, step, step.params, region)

    def place(self, view: View, region: Region) -> tuple[int, int]:
        root = view.root
        if isinstance(root, Block):
            if root.home is None:
                return SCRATCH, int(root) // 4 + view.offset
            root = root.home
        kind, which = root
        if kind == "constant":
            return ABSOLUTE, self.constant(which) + view.offset
        first = FIRST if kind == "input" else FIRST + region.inputs
        return first + which, view.offset

    def view(self, view: View, strides: Sequence[int], region: Region) -> list[Any]:
        place, offset = self.place(view, region)
        return [DTYPES[view.dtype.name], place, offset, *strides]

    def looped(self, step: Step, region: Region, shape: Shape) -> Json:
        """The shape of a loop over views that all have it."""
        views = [*step.inputs, *_outputs(step)]
        strides = [v.strides for v in views]
        sizes, steps = collapsed(shape, strides, best_order(shape, strides))
        made = [self.view(v, s, region) for v, s in zip(views, steps, strict=True)]
        count = len(step.inputs)
        return {"shape": sizes, "x": made[:count], "y": made[count:]}


def _outputs(step: Step) -> list[View]:
    return [view for view in step.outputs if view is not None]


def _writes(step: Step) -> bool:
    return any(math.prod(view.shape) for view in _outputs(step))


def _fused(w: Writer, step: Step, p: Fused, region: Region) -> Json:
    return {
        **w.looped(step, region, p.shape),
        "ops": [[NAMES[op.opcode], _LETTERS[op.dtype], *op.registers] for op in p.ops],
        "ends": [
            [end.value, *([NAMES[end.reduction]] if end.reduction else [])]
            for end in p.ends
        ],
    }


def _copy(w: Writer, step: Step, p: Copy, region: Region) -> Json:
    return w.looped(step, region, step.inputs[0].shape)


def _dot(w: Writer, step: Step, p: Dot, region: Region) -> Json:
    """Loops over batches, rows, columns and the depth: the shape of each, and strides
    in what takes part of both factors and the result."""
    x, y = step.inputs
    (out,) = _outputs(step)
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
    (out,) = _outputs(step)
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
        written["start"] = w.looped(start, region, out.shape)
    return written


def _iota(w: Writer, step: Step, p: Iota, region: Region) -> Json:
    (out,) = _outputs(step)
    axis = p.axis
    order = tuple(range(len(out.shape)))
    ramp = tuple(int(a == axis) for a in order)
    sizes, steps = collapsed(out.shape, [ramp, out.strides], order)
    return {"shape": sizes, "ramp": steps[0], "y": [w.view(out, steps[1], region)]}


def _call(w: Writer, step: Step, p: Call, region: Region) -> Json:
    views = [*step.inputs, *_outputs(step)]
    return {
        "region": step.region,
        "scratch": int(p.scratch) // 4,
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
