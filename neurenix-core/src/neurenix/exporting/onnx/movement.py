"""Movement and sources as nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...program import Instruction
from .graph import Graph
from .rules import dtype_of, param, result_shape, rule, shape_of


@rule("barrier")
def _same(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    return g.add("Identity", inputs[0])


@rule("reshape")
def _reshape(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    return g.add("Reshape", inputs[0], g.integers(result_shape(i)), allowzero=1)


@rule("transpose")
def _transpose(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    return g.add("Transpose", inputs[0], perm=list(param(i, "permutation")))


@rule("broadcast")
def _broadcast(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    return g.expand(inputs[0], result_shape(i))


@rule("pad")
def _pad(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    x, shape, dtype = inputs[0], list(shape_of(i, 0)), dtype_of(i)
    low, high, interior = (param(i, n) for n in ("low", "high", "interior"))
    value = g.constant(np.asarray(param(i, "value")), dtype)
    if 0 in shape:  # nothing but padding
        return g.expand(value, result_shape(i))
    for axis, between in enumerate(interior):
        if between and shape[axis] > 1:
            x = _spread(g, x, shape, axis, between, value)
            shape[axis] += (shape[axis] - 1) * between
    if not any((*low, *high)):
        return g.add("Identity", x)
    return g.add("Pad", x, g.integers((*low, *high)), value)


def _spread(
    g: Graph, x: str, shape: Sequence[int], axis: int, between: int, value: str
) -> str:
    """So many values behind each element of an axis, but the last one."""
    n, rank = shape[axis], len(shape)
    apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    ends = [0] * (2 * (rank + 1))
    ends[rank + 1 + axis + 1] = between
    x = g.add("Pad", g.reshape(x, shape, apart), g.integers(ends), value)
    together = (*shape[:axis], n * (between + 1), *shape[axis + 1 :])
    x = g.add("Reshape", x, g.integers(together), allowzero=1)
    last = g.integers([n * (between + 1) - between])
    return g.add("Slice", x, g.integers([0]), last, g.integers([axis]))


@rule("slice")
def _slice(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    shape = shape_of(i, 0)
    starts, stops, steps = (param(i, n) for n in ("start", "stop", "step"))
    cut = [
        a for a, n in enumerate(shape) if (starts[a], stops[a], steps[a]) != (0, n, 1)
    ]
    if not cut:
        return g.add("Identity", inputs[0])
    lists = [[values[a] for a in cut] for values in (starts, stops)]
    ends = [g.integers(v) for v in (*lists, cut, [steps[a] for a in cut])]
    return g.add("Slice", inputs[0], *ends)


@rule("flip")
def _flip(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    axes = param(i, "axes")
    if not axes:
        return g.add("Identity", inputs[0])
    count = len(axes)
    before_first = [np.iinfo(np.int64).min] * count
    ends = ([-1] * count, before_first, axes, [-1] * count)
    return g.add("Slice", inputs[0], *map(g.integers, ends))


@rule("concat")
def _concat(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    axis = param(i, "axis")
    full = [
        x
        for x, s in zip(inputs, i.inputs, strict=True)
        if s.type.shape[axis] or 0 in result_shape(i)
    ]
    return g.add("Concat", *full, axis=axis)


@rule("iota")
def _iota(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    shape, axis = param(i, "shape"), param(i, "axis")
    ramp = np.arange(shape[axis])
    along = [n if a == axis else 1 for a, n in enumerate(shape)]
    x = g.constant(ramp.reshape(along), param(i, "dtype").name)
    return x if list(shape) == along else g.expand(x, shape)


@rule("constant")
def _constant(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    value = param(i, "value")
    return g.constant(value.array, value.type.dtype.name)
