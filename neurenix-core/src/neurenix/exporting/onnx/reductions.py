"""Reductions, and sums along an axis, as nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...program import Instruction
from .elementwise import narrow, wide
from .graph import Graph
from .rules import dtype_of, param, rule, shape_of

_NODES = {
    "sum": "ReduceSum",
    "prod": "ReduceProd",
    "max": "ReduceMax",
    "min": "ReduceMin",
}


@rule(*_NODES)
def _reduce(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    axes, dtype, name = param(i, "axes"), dtype_of(i), i.primitive.name
    if not axes:
        return g.add("Identity", inputs[0])
    if 0 in shape_of(i, 0):  # of nothing
        return g.full(i.outputs[0].type.shape, 0 if name == "sum" else 1, dtype)
    x = wide(g, inputs[0], dtype)
    out = g.add(_NODES[name], x, g.integers(axes), keepdims=0)
    if name in ("max", "min") and dtype == "float32":
        out = _nan_kept(g, x, out, axes)
    return narrow(g, out, dtype)


def _nan_kept(g: Graph, x: str, out: str, axes: Sequence[int]) -> str:
    """NaN where there is one: runtimes differ in what they say then. A sum with a term
    of 0 for each number finds it."""
    zero = g.constant(np.asarray(0), "float32")
    marks = g.where(g.add("IsNaN", x), x, zero)
    return g.add("Add", out, g.add("ReduceSum", marks, g.integers(axes), keepdims=0))


@rule("argmax")
def _argmax(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    """The first of the largest in row-major order; the first NaN, if there is one."""
    (x,), axes, shape, dtype = inputs, param(i, "axes"), shape_of(i, 0), dtype_of(i)
    result = i.outputs[0].type.shape
    if not axes:
        return g.full(result, 0, "int32")
    rest = [a for a in range(len(shape)) if a not in axes]
    count = math.prod(shape[a] for a in axes)
    order = [*rest, *axes]
    moved = tuple(shape[a] for a in order)
    x = g.reshape(g.transpose(x, order), moved, (*result, count))
    if dtype in ("uint32", "int64"):  # exact in a double up to 2⁵³
        x = g.cast(x, "float64")
    elif dtype != "float32":
        x = g.cast(x, "int32")
    else:
        top, infinity = (
            g.constant(np.asarray(v), "float64")
            for v in (np.finfo(np.float64).max, np.inf)
        )
        below = g.add("Min", g.cast(x, "float64"), top)  # only NaN is above
        x = g.where(g.add("IsNaN", x), infinity, below)
    found = g.add("ArgMax", x, axis=len(result), keepdims=0, select_last_index=0)
    return g.cast(found, "int32")


@rule("cumsum")
def _cumsum(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    dtype = dtype_of(i)
    axis = g.constant(np.asarray(param(i, "axis")), "int64")
    x = wide(g, inputs[0], dtype)
    return narrow(g, g.add("CumSum", x, axis, reverse=int(param(i, "reverse"))), dtype)
