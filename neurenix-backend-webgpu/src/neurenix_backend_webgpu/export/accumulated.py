"""Reductions in double precision, which the runner makes in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurenix import dtypes
from neurenix.phynexus.plan.instructions import NAMES, OPCODES, Copy, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous
from neurenix.primitives.sources import ConstantArray

_STARTS = {"sum": 0.0, "max": -math.inf, "min": math.inf}


def accumulated(steps: list[Step]) -> list[Step]:
    """The steps with three for one that reduces: a float64 is filled with what the
    reduction begins with, everything is reduced into it, and it is copied to its place,
    where it rounds or wraps as the dtype does."""
    return [new for step in steps for new in _accumulated(step)]


def _accumulated(step: Step) -> Iterator[Step]:
    if not isinstance(step.params, Fused):
        yield step
        return
    outputs: list[View | None] = []
    copies = []
    for end, out in zip(step.params.ends, step.outputs, strict=True):
        outputs.append(out)
        if not end.reduction or out is None:
            continue
        total = outputs[-1] = _double(out)
        start = ConstantArray(np.array(_STARTS[NAMES[end.reduction]], np.float32))
        begin = View(("constant", start), dtypes.float32, (), ()).broadcast(out.shape)
        yield _copy(step, begin, total)
        copies.append(_copy(step, total, out))
    yield replace(step, outputs=outputs)
    yield from copies


def _double(view: View) -> View:
    """Room for it in scratch. It does not move along axes where the view does not."""
    strides = contiguous(view.shape)
    moving = tuple(a if b else 0 for a, b in zip(strides, view.strides, strict=True))
    room = Block(8 * math.prod(view.shape))
    return View(room, dtypes.float64, view.shape, moving)


def _copy(step: Step, x: View, y: View) -> Step:
    return Step(OPCODES["copy"], [x], [y], Copy(), source=step.source)
