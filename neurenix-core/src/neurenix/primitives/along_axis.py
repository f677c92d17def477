"""What goes along one axis, and keeps it: running sums, and sorting.

sort gives the values and where each came from (int32): ascending, equal values in their
old order, NaN last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import DtypeError, ShapeError
from .base import Primitive, Shape, TensorType, Value, move_axis, ops, register, zeros


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
    order = np.argsort(a, axis, kind="stable")
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


cumsum = register(
    Primitive(
        "cumsum",
        77,
        "along_axis",
        _cumsum_infer,
        _cumsum,
        _cumsum_vjp,
        _cumsum_batch,
    )
)
sort = register(
    Primitive(
        "sort",
        103,
        "along_axis",
        _sort_infer,
        _sort,
        _sort_vjp,
        _sort_batch,
        saves="o",
        many=True,
    )
)
