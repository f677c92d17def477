"""Copies between layouts, and ramps."""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Copy, Iota
from neurenix.phynexus.plan.plan import Step

from .indices import address, names, unravel
from .kernel import Kernel, base, one_each
from .scalar import kind


def copy(step: Step, p: Copy) -> Kernel | None:
    (x,), (y,) = step.inputs, step.outputs
    count = math.prod(x.shape)
    if not count or y is None:
        return None
    i = names("i", len(x.shape))
    word = f"load({address(base(0), i, x.strides)})"
    lines = unravel(x.shape, y.order, "e", "i")
    lines.append(f"store({address(base(1), i, y.strides)}, {word});")
    return one_each(count, lines, [x, y])


def iota(step: Step, p: Iota) -> Kernel | None:
    (out,) = step.outputs
    if out is None or not math.prod(out.shape):
        return None
    i = names("i", len(out.shape))
    value = i[p.axis]
    if kind(out.dtype) == "f":
        value = f"bitcast<u32>(f32({value}))"
    elif out.dtype.name == "uint8":
        value = f"({value} & 255u)"
    lines = unravel(out.shape, out.order, "e", "i")
    lines.append(f"store({address(base(0), i, out.strides)}, {value});")
    return one_each(math.prod(out.shape), lines, [out])
