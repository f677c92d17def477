"""The steps of a plan as JSON: what the runner's CPU executor does, in turn.

A view is [dtype's letter, place, offset, the stride of each axis of its loop], in
elements; a place is the constants, the region's scratch, or one of its inputs or
outputs. A uint8 takes a byte of memory, a float64 two words, everything else a word.

Regions are put in place at the end (`flat`), where views are given addresses in the
heap; so the runner knows neither places nor calls.
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
from neurenix.phynexus.plan.views import Block, Shape, View
from neurenix.primitives.sources import ConstantArray

from .layout import LETTERS, element_bytes
from .loops import best_order, collapsed
from .placing import letter_of, outputs_of

Json = dict[str, Any]
CONSTANTS, SCRATCH, FIRST = range(3)  # places: constants, scratch, then operands
_DTYPES = {d.code: d for d in dtypes.ALL}


class Writer:
    """Writes the regions of a plan whose memory is in words.

    constant   gives where a constant lies among the constants, in words
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
        root, size = view.root, element_bytes(LETTERS[view.dtype.name])
        if isinstance(root, Block):
            if root.home is None:
                return SCRATCH, int(root) // size + view.offset
            root = root.home
        kind, which = root
        if kind == "constant":
            return CONSTANTS, self.constant(which) * 4 // size + view.offset
        first = FIRST if kind == "input" else FIRST + region.inputs
        return first + which, view.offset

    def view(self, view: View, strides: Sequence[Any], region: Region) -> list[Any]:
        place, offset = self.place(view, region)
        return [LETTERS[view.dtype.name], place, offset, *strides]

    def looped(self, step: Step, region: Region, shape: Shape) -> Json:
        """The shape of a loop over views that all have it."""
        views = [*step.inputs, *outputs_of(step)]
        strides = [v.strides for v in views]
        sizes, steps = collapsed(shape, strides, best_order(shape, strides))
        count = len(step.inputs)
        made = [
            self.view(view, own, region) for view, own in zip(views, steps, strict=True)
        ]
        return {"shape": sizes, "x": made[:count], "y": made[count:]}


def flat(regions: list[list[Json]], places: Sequence[int]) -> list[Json]:
    """The steps of the last region, with those that it calls, and all views where they
    lie in the heap; `places` begin at these bytes."""
    made: list[Json] = []
    for step in regions[-1]:
        if step["op"] != "call":
            made.extend(
                _placed(part, places) for part in (*step.get("first", ()), step)
            )
            continue
        inner = [
            places[p] + offset * element_bytes(c) for c, p, offset in step["views"]
        ]
        own = [places[CONSTANTS], places[SCRATCH] + step["scratch"], *inner]
        made += flat(regions[: step["region"] + 1], own)
    return made


def _placed(step: Json, places: Sequence[int]) -> Json:
    def view(given: list[Any]) -> list[Any]:
        letter, place, offset, *strides = given
        return [letter, places[place] // element_bytes(letter) + offset, *strides]

    rest = {key: value for key, value in step.items() if key != "first"}
    return {**rest, "x": list(map(view, step["x"])), "y": list(map(view, step["y"]))}


def _op_of(step: Step) -> str:
    return "fused" if isinstance(step.params, Copy | Iota) else NAMES[step.opcode]


def _writes(step: Step) -> bool:
    return any(math.prod(view.shape) for view in outputs_of(step))


def _fused(w: Writer, step: Step, p: Fused, region: Region) -> Json:
    """An end is [register, what becomes of it]: it is stored, or reduced into what is
    there, by a view that does not move along the axes that are reduced."""
    looped = w.looped(step, region, p.shape)
    ends = [
        [end.value, NAMES[end.reduction] if end.reduction else "store"]
        for end in p.ends
    ]
    ops = [
        _named(op, letter_of(_DTYPES[op.dtype], NAMES[op.opcode], step)) for op in p.ops
    ]
    return {**looped, "ops": ops, "ends": ends}


_OF_MATH = {"maximum": "max", "minimum": "min"}


def _named(op: Op, letter: str) -> list[Any]:
    """The operation's name in JavaScript's Math, or ours; the letter, and operands.
    Casts to bool, which lies as uint8 does, have a name of their own, as have products
    of integers, which wrap."""
    name = NAMES[op.opcode]
    if name == "less":
        return ["greater", letter, *reversed(op.registers)]
    if name == "cast" and letter == "b":
        return ["to_bool", letter, *op.registers]
    if name == "mul" and letter != "f":
        return ["imul", letter, *op.registers]
    return [_OF_MATH.get(name, name), letter, *op.registers]


def _copy(w: Writer, step: Step, p: Copy, region: Region) -> Json:
    """An expression without operations."""
    looped = w.looped(step, region, step.inputs[0].shape)
    return {**looped, "ops": [], "ends": [[0, "store"]]}


def _dot(w: Writer, step: Step, p: Dot, region: Region) -> Json:
    """Four loops, over batches, rows, columns and the depth: the shape and the strides
    are lists of four. A view does not move along those that are not its own."""
    x, y = step.inputs
    (out,) = outputs_of(step)
    b, m, n, k = p.batch, p.m, p.n, p.k
    shape = (*out.shape, *x.shape[b + m :])
    of_x = (*x.strides[: b + m], *(0,) * n, *x.strides[b + m :])
    of_y = (*y.strides[:b], *(0,) * m, *y.strides[b + k :], *y.strides[b : b + k])
    strides = of_x, of_y, (*out.strides, *(0,) * k)
    sizes: list[list[int]] = []
    along: list[list[list[int]]] = [[], [], []]
    first = 0
    for count in (b, m, n, k):
        group = slice(first, first + count)
        first += count
        order = tuple(range(count))
        here, steps = collapsed(shape[group], [s[group] for s in strides], order)
        sizes.append(here)
        for whole, part in zip(along, steps, strict=True):
            whole.append(part)
    left, right, result = (
        w.view(view, own, region) for view, own in zip((x, y, out), along, strict=True)
    )
    return {"shape": sizes, "x": [left, right], "y": [result]}


def _index(w: Writer, step: Step, p: Index, region: Region) -> Json:
    """A loop over the result of a gather, or the updates of a scatter; its last axis is
    that along which the index picks, and only the view of what is indexed moves there.
    A scatter starts with a copy."""
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
    views = [
        w.view(view, [*own_, last], region)
        for view, own_, last in zip(
            (looped, index, chosen), steps, (0, 0, chosen.strides[p.axis]), strict=True
        )
    ]
    written: Json = {"shape": [*sizes, chosen.shape[p.axis]], "x": views, "y": []}
    if not gathers:
        start = Step(step.opcode, [whole], [out], Copy())
        written["first"] = [{"op": "fused", **_copy(w, start, Copy(), region)}]
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
