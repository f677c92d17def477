"""gather and scatter_add. Sums go in the order of the updates: an invocation for each
element of the result reads them all."""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Index
from neurenix.phynexus.plan.plan import Step

from .indices import address, names, unravel
from .kernel import Kernel, base, one_each
from .scalar import expression


def _clamped(word: str, size: int) -> str:
    return f"u32(clamp(bitcast<i32>({word}), 0, {size - 1}))"


def gather(step: Step, p: Index) -> Kernel | None:
    x, index = step.inputs
    (out,) = step.outputs
    if out is None or not math.prod(out.shape):
        return None
    wide = len(index.shape) - p.batch
    i = names("i", len(out.shape))
    which = [*i[: p.batch], *i[p.axis : p.axis + wide]]
    found = f"load({address(base(1), which, index.strides)})"
    source = [*i[: p.axis], "p", *i[p.axis + wide :]]
    word = f"load({address(base(0), source, x.strides)})"
    lines = unravel(out.shape, out.order, "e", "i")
    lines.append(f"let p = {_clamped(found, x.shape[p.axis])};")
    lines.append(f"store({address(base(2), i, out.strides)}, {word});")
    return one_each(math.prod(out.shape), lines, [x, index, out])


def scatter_add(step: Step, p: Index) -> Kernel | None:
    x, index, updates = step.inputs
    (out,) = step.outputs
    if out is None or not math.prod(out.shape):
        return None
    shape = index.shape[p.batch :]
    i, j = names("i", len(out.shape)), names("j", len(shape))
    lines = unravel(out.shape, out.order, "e", "i")
    lines.append(f"var total = load({address(base(0), i, x.strides)});")
    if math.prod(shape):
        which = address(base(1), [*i[: p.batch], *j], index.strides)
        update = [*i[: p.axis], *j, *i[p.axis + 1 :]]
        value = f"load({address(base(2), update, updates.strides)})"
        added = expression("add", x.dtype, [x.dtype, x.dtype], ["total", value])
        lines.append(f"for (var t = 0u; t < {math.prod(shape)}u; t = t + 1u) {{")
        lines += unravel(shape, range(len(shape)), "t", "j")
        lines.append(f"let p = {_clamped(f'load({which})', x.shape[p.axis])};")
        lines.append(f"if (p == i{p.axis}) {{ total = {added}; }}")
        lines.append("}")
    lines.append(f"store({address(base(3), i, out.strides)}, total);")
    return one_each(math.prod(out.shape), lines, [x, index, updates, out])
