"""Matrix products: each output by one invocation, in order of the contracted axes."""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Dot
from neurenix.phynexus.plan.plan import Step

from .indices import address, names, unravel
from .kernel import Kernel, base, one_each
from .scalar import kind


def dot_general(step: Step, p: Dot) -> Kernel | None:
    x, y = step.inputs
    (out,) = step.outputs
    if out is None or not math.prod(out.shape):
        return None
    contracted = x.shape[p.batch + p.m :]
    terms = math.prod(contracted)
    i, k = names("i", len(out.shape)), names("k", p.k)
    lines = unravel(out.shape, out.order, "e", "i")
    is_float = kind(x.dtype) == "f"
    lines.append("var total = 0.0f;" if is_float else "var total = 0u;")
    if terms:
        left = address(base(0), [*i[: p.batch + p.m], *k], x.strides)
        right = address(base(1), [*i[: p.batch], *k, *i[p.batch + p.m :]], y.strides)
        a, b = f"load({left})", f"load({right})"
        if is_float:
            a, b = f"bitcast<f32>({a})", f"bitcast<f32>({b})"
        lines.append(f"for (var t = 0u; t < {terms}u; t = t + 1u) {{")
        lines += unravel(contracted, range(p.k), "t", "k")
        lines += [f"total = total + {a} * {b};", "}"]
    word = "bitcast<u32>(total)" if is_float else "total"
    if x.dtype.name == "uint8":
        word = "(total & 255u)"
    lines.append(f"store({address(base(2), i, out.strides)}, {word});")
    return one_each(math.prod(out.shape), lines, [x, y, out])
