"""Values that come from nothing, or from a key."""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Iota, RandomBits
from neurenix.phynexus.plan.plan import Step

from .indices import Offsets, names, unravel
from .kernel import Kernel, Row, one_each
from .scalar import kind
from .storage import Operand


def iota(step: Step, p: Iota) -> list[Kernel]:
    (out,) = step.outputs
    assert out is not None
    count = math.prod(out.shape)
    if not count:
        return []
    row = Row()
    target = Operand(row, out, write=True)
    i = names("i", out.shape)
    value = i[p.axis]
    if kind(out.dtype) == "f":
        value = f"bitcast<u32>(f32({value}))"
    at = Offsets(row, i).at(out.strides)
    lines = [*unravel(row, out.shape, "e", "i"), target.store(at, value)]
    return [one_each(row, count, lines)]


def random_bits(step: Step, p: RandomBits) -> list[Kernel]:
    """An invocation computes a block, which is four elements."""
    (key,) = step.inputs
    (out,) = step.outputs
    assert out is not None
    count = math.prod(out.shape)
    if not count:
        return []
    row = Row()
    of_key, to = row.view(key), row.view(out, write=True)
    total = row.number(count)
    lines = [
        f"let block = philox(e, vec2<u32>(load({of_key}), load({of_key} + 1u)));",
        f"let last = min(4u, {total} - 4u * e);",
        f"store({to} + 4u * e, block.x);",
        f"if (last > 1u) {{ store({to} + 4u * e + 1u, block.y); }}",
        f"if (last > 2u) {{ store({to} + 4u * e + 2u, block.z); }}",
        f"if (last > 3u) {{ store({to} + 4u * e + 3u, block.w); }}",
    ]
    return [one_each(row, -(-count // 4), lines)]
