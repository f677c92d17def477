"""Primitives that run along one axis and keep it: running sums, and sorting.

sort gives the values and where each came from (int32): ascending, equal values in their
old order, NaN last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import bool_, int32
from ..errors import DtypeError, ShapeError
from .primitive import (
    PLAIN,
    Primitive,
    Shape,
    TensorType,
    Value,
    literal,
    ops,
    register,
)
from .reduction import shifted
from .shorthands import cut, in_float32, move_axis, zeros


def _check(name: str, x: Value, axis: int) -> None:
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"{name}: axis {axis} of a tensor of shape {x.shape}")
    if x.dtype.kind == "bool":
        raise DtypeError(f"{name} takes numbers, not bool")


def _cumsum_infer(types: Sequence[Value], axis: int, reverse: bool) -> list[TensorType]:
    x = types[0]
    _check("cumsum", x, axis)
    return [TensorType(x.shape, x.dtype)]


def _cumsum(a: Any, axis: int, reverse: bool) -> list[Any]:
    wide = np.float64 if a.dtype.kind not in "iu" else a.dtype
    turned = np.flip(a, axis) if reverse else a
    with np.errstate(all="ignore"):
        sums = np.cumsum(turned, axis, dtype=wide).astype(a.dtype)
    return [np.ascontiguousarray(np.flip(sums, axis) if reverse else sums)]


def _cumsum_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axis: int, reverse: bool
) -> list[Any]:
    return [ops.cumsum(gs[0], axis=axis, reverse=not reverse)]


def _cumsum_batch(values: Any, flags: Any, axis: int, reverse: bool) -> list[Any]:
    return [ops.cumsum(values[0], axis=axis + 1, reverse=reverse)]


def _sort_infer(types: Sequence[Value], axis: int) -> list[TensorType]:
    x = types[0]
    _check("sort", x, axis)
    return [TensorType(x.shape, x.dtype), TensorType(x.shape, int32)]


def _sort(a: Any, axis: int) -> list[Any]:
    key = a.astype(np.float32) if a.dtype.kind == "V" else a  # bfloat16: NaN last
    order = np.argsort(key, axis, kind="stable")
    return [np.take_along_axis(a, order, axis), order.astype(np.int32)]


def _sort_vjp(needed: Any, gs: Any, inputs: Any, outputs: Any, axis: int) -> list[Any]:
    """Each value's cotangent goes back to where the value came from."""
    if gs[0] is None:
        return [None]
    last = len(outputs[0].shape) - 1
    shape: Shape = inputs[0].shape
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    places, g = (move_axis(v, axis, last) for v in (outputs[1], gs[0]))
    back = ops.scatter_add(zeros(moved, g.dtype), places, g, axis=last, batch=last)
    return [move_axis(back, last, axis)]


def _sort_batch(values: Any, flags: Any, axis: int) -> Any:
    return ops.sort(values[0], axis=axis + 1)


@in_float32
def _sums_by_doubling(x: Any, axis: int, reverse: bool) -> Any:
    """After k steps each element is the sum of the 2ᵏ that end there (Hillis and Steele
    1986, "Data parallel algorithms")."""
    last = len(x.shape) - 1
    sums, reach = move_axis(x, axis, last), 1
    while reach < x.shape[axis]:
        step = -reach if reverse else reach
        sums = ops.add(sums, shifted(sums, step, 0.0))
        reach *= 2
    return move_axis(sums, last, axis)


def _sort_by_network(x: Any, axis: int) -> list[Any]:
    """Batcher's bitonic network (1968, "Sorting networks and their applications"): a
    power of two of neighbours, a fixed order of comparisons, all rows at once. The old
    places break ties, so that it keeps the order of equals, and padding comes last."""
    last, n = len(x.shape) - 1, x.shape[axis]
    moved = move_axis(x, axis, last)
    length = 1 << max(n - 1, 0).bit_length()
    lead, none = moved.shape[:-1], (0,) * last
    place = ops.iota(shape=(*_ones(lead), length), axis=last, dtype=int32)
    place = ops.broadcast(place, shape=(*lead, length))
    value = ops.pad(
        moved,
        low=(*none, 0),
        high=(*none, length - n),
        interior=(*none, 0),
        value=0.0,
    )
    end = literal(n, int32)
    run = 2
    while run <= length:
        stride = run // 2
        while stride:
            value, place = _exchange(value, place, end, run, stride)
            stride //= 2
        run *= 2
    values, places = cut(value, last, 0, n), cut(place, last, 0, n)
    return [move_axis(values, last, axis), move_axis(places, last, axis)]


def _ones(shape: Shape) -> Shape:
    return (1,) * len(shape)


def _exchange(value: Any, place: Any, end: Any, run: int, stride: int) -> Any:
    """Compare elements that are `stride` apart, and put them in order: rising in every
    second run, falling in the others."""
    *lead, length = value.shape
    paired = (*lead, length // (2 * stride), 2, stride)
    at = len(lead) + 1

    def halves(v: Any) -> tuple[Any, Any]:
        pairs = ops.reshape(v, shape=paired)
        return cut(pairs, at, 0, 1), cut(pairs, at, 1, 2)

    (a, b), (i, j) = halves(value), halves(place)
    wrong = _comes_before(b, a, j, i, end)
    if run < length:
        block = (*_ones(tuple(lead)), paired[-3], 1, 1)
        number = ops.iota(shape=block, axis=len(lead), dtype=int32)
        side = ops.bitwise_and(number, literal(run // (2 * stride), int32))
        falling = ops.not_equal(side, literal(0, int32))
        wrong = ops.not_equal(wrong, falling)

    def swapped(first: Any, second: Any) -> Any:
        both = ops.concat(
            ops.where(wrong, second, first), ops.where(wrong, first, second), axis=at
        )
        return ops.reshape(both, shape=(*lead, length))

    return swapped(a, b), swapped(i, j)


def _comes_before(a: Any, b: Any, i: Any, j: Any, end: Any) -> Any:
    """Whether a at place i comes before b at place j, places being distinct."""
    before, after = ops.less(a, b), ops.less(b, a)
    if a.dtype.is_floating:
        nan_a, nan_b = ops.not_equal(a, a), ops.not_equal(b, b)
        number_a = ops.bitwise_and(ops.logical_not(nan_a), nan_b)
        number_b = ops.bitwise_and(ops.logical_not(nan_b), nan_a)
        before, after = (
            ops.bitwise_or(before, number_a),
            ops.bitwise_or(after, number_b),
        )
    tied = ops.bitwise_and(ops.logical_not(after), ops.less(i, j))
    before = ops.bitwise_or(before, tied)
    before = ops.where(ops.less(j, end), before, literal(True, bool_))
    return ops.where(ops.less(i, end), before, ops.less(i, j))


cumsum = register(
    Primitive(
        name="cumsum",
        opcode=77,
        family="along_axis",
        traits=PLAIN,
        infer=_cumsum_infer,
        reference=_cumsum,
        vjp=_cumsum_vjp,
        batch=_cumsum_batch,
        decomposition=_sums_by_doubling,
    )
)
sort = register(
    Primitive(
        name="sort",
        opcode=103,
        family="along_axis",
        traits=PLAIN,
        infer=_sort_infer,
        reference=_sort,
        vjp=_sort_vjp,
        batch=_sort_batch,
        decomposition=_sort_by_network,
        saves="o",
        many=True,
    )
)
