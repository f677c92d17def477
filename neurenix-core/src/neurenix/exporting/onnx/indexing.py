"""Reading and writing by index as nodes: indices are clamped, as they are here."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...program import Instruction
from .elementwise import narrow, wide
from .graph import Graph
from .rules import dtype_of, param, result_shape, rule, shape_of


def _clamped(g: Graph, index: str, count: int) -> str:
    ends = (g.constant(np.asarray(n), "int32") for n in (0, max(count - 1, 0)))
    return g.add("Clip", index, *ends)


def _spread_index(
    g: Graph, index: str, i: Instruction, shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]]:
    """The index for each element of what is read or written, whose index axes are
    merged into one; and that shape."""
    axis, batch = param(i, "axis"), param(i, "batch")
    given = shape_of(i, 1)
    count = math.prod(given[batch:])
    merged = (*shape[:axis], count, *shape[axis + 1 :])
    ones = (1,) * (axis - batch), (1,) * (len(shape) - axis - 1)
    aligned = (*given[:batch], *ones[0], count, *ones[1])
    index = g.reshape(_clamped(g, index, shape[axis]), given, aligned)
    return (index if aligned == merged else g.expand(index, merged)), merged


@rule("gather")
def _gather(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    x, index = inputs
    shape, axis = shape_of(i, 0), param(i, "axis")
    if 0 in result_shape(i):
        return g.full(result_shape(i), 0, dtype_of(i))
    if param(i, "batch") == 0:
        return g.add("Gather", x, _clamped(g, index, shape[axis]), axis=axis)
    index, merged = _spread_index(g, index, i, shape)
    out = g.add("GatherElements", x, index, axis=axis)
    return g.reshape(out, merged, result_shape(i))


@rule("scatter", "scatter_add")
def _scatter(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    x, index, updates = inputs
    shape, dtype = shape_of(i, 0), dtype_of(i)
    if 0 in shape_of(i, 2) or 0 in shape:
        return g.add("Identity", x)
    index, merged = _spread_index(g, index, i, shape)
    updates = g.reshape(updates, shape_of(i, 2), merged)
    add = i.primitive.name == "scatter_add"
    if add:
        x, updates = wide(g, x, dtype), wide(g, updates, dtype)
    out = g.add(
        "ScatterElements",
        x,
        index,
        updates,
        axis=param(i, "axis"),
        reduction="add" if add else "none",
    )
    return narrow(g, out, dtype) if add else out
