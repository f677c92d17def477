"""x[...], and x[...] = v: slices, integers, index arrays, masks that the host knows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..cells import Cell
from ..dtypes import bool_, int32
from ..errors import DtypeError, IndexOutOfRangeError, ShapeError
from ..primitives import ops
from ..program import Symbol
from ..tensor import Tensor, host_array, number
from .common import as_tensor, beside, cast, one_axis, operands


def take(x: Any, index: Any, axis: int = 0) -> Tensor:
    """The elements at `index` along an axis: shape x[:axis] + index + x[axis+1:].

    Negative indices count from the end. Indices that the host knows are checked.
    """
    x = as_tensor(x)
    at = one_axis("take", axis, x.ndim)
    return ops.gather(x, _index("take", index, x.shape[at], x), axis=at, batch=0)


def _index(name: str, index: Any, size: int, x: Tensor) -> Tensor:
    """An int32 tensor of indices from 0, where x lives; checked if the host has the
    values at hand."""
    if not isinstance(index, Tensor):
        array, _ = host_array(index)
        if array.size == 0:
            array = array.astype(np.int32)
        if array.dtype.kind not in "iu":
            raise DtypeError(f"{name}: indices are integers, not {array.dtype}")
        if array.size and (array.min() < -size or array.max() >= size):
            bad = array.min() if array.min() < -size else array.max()
            raise IndexOutOfRangeError(
                f"{name}: index {bad} is out of range for an axis of size {size}"
            )
        return beside(x, np.where(array < 0, array + size, array).astype(np.int32))
    if index.dtype.is_floating or index.dtype is bool_:
        raise DtypeError(f"{name}: indices are integers, not {index.dtype.name}")
    found = cast(index, int32)
    if not isinstance(index.data, Symbol) and index.size <= 4096:
        return _index(name, index.numpy(), size, x)
    zero, length = (number(n, int32) for n in (0, size))
    return ops.where(ops.less(found, zero), ops.add(found, length), found)


def take_along_axis(x: Any, index: Any, axis: int = -1) -> Tensor:
    """x [.., n, ..], index [.., k, ..], other axes equal: the element at each index."""
    x, index = as_tensor(x), as_tensor(index)
    at = one_axis("take_along_axis", axis, x.ndim)
    if index.ndim != x.ndim or any(
        a != b
        for i, (a, b) in enumerate(zip(x.shape, index.shape, strict=True))
        if i != at
    ):
        raise ShapeError(
            f"take_along_axis: shapes {x.shape} and {index.shape} "
            f"differ beyond axis {at}"
        )
    order = (*(i for i in range(x.ndim) if i != at), at)
    back = tuple(int(i) for i in np.argsort(order))
    rows = ops.transpose(x, permutation=order)
    picks = ops.transpose(
        _index("take_along_axis", index, x.shape[at], x), permutation=order
    )
    return ops.transpose(
        ops.gather(rows, picks, axis=x.ndim - 1, batch=x.ndim - 1), permutation=back
    )


# ---- x[key] --------------------------------------------------------------------------


def _expanded(x: Tensor, key: Any) -> list[Any]:
    """One entry for each axis and each None: `...` filled in, masks made indices."""
    given = list(key) if isinstance(key, tuple) else [key]
    parts: list[Any] = []
    masks: list[tuple[int, np.ndarray[Any, Any]]] = []
    for k in given:
        mask = k.numpy() if isinstance(k, Tensor) and k.dtype is bool_ else k
        if isinstance(mask, np.ndarray) and mask.dtype == bool:
            masks.append((len(parts), mask))
            # of rank 0: an axis of its own, with its one element or without
            parts += [*np.nonzero(mask)] if mask.ndim else [mask]
        elif isinstance(k, list):
            parts.append(np.asarray(k, dtype=np.int64 if not k else None))
        else:
            parts.append(k)
    used = sum(k is not None and k is not Ellipsis and not _is_flag(k) for k in parts)
    dots = [i for i, k in enumerate(parts) if k is Ellipsis]
    if used > x.ndim or len(dots) > 1:
        raise IndexOutOfRangeError(
            f"index {key!r} has more axes than a tensor of shape {x.shape}"
        )
    at = dots[0] if dots else len(parts)
    for place, mask in masks:
        before = [k for k in parts[:place] if k is not None and not _is_flag(k)]
        first = len(before) + (x.ndim - used - 1 if place > at else 0)
        here = x.shape[first : first + mask.ndim]
        if mask.shape != here:
            raise IndexOutOfRangeError(
                f"index: a mask of shape {mask.shape} where the axes of the tensor of "
                f"shape {x.shape} have {here}"
            )
    return parts[:at] + [slice(None)] * (x.ndim - used) + parts[at + len(dots) :]


def _is_flag(k: Any) -> bool:
    """A mask of rank 0."""
    return isinstance(k, np.ndarray) and k.dtype == bool


def _is_array(k: Any) -> bool:
    return isinstance(k, np.ndarray) or (
        isinstance(k, Tensor) and not (k.ndim == 0 and not isinstance(k.data, Symbol))
    )


def get_item(x: Tensor, key: Any) -> Tensor:
    """A copy of the part that the key names; never a view."""
    start, stop, step, flips = [], [], [], []
    shape: list[int] = []  # after slicing, integers dropped and None added
    arrays: list[tuple[int, Any]] = []  # (axis in `shape`, index array)
    axis = 0
    for k in _expanded(x, key):
        if k is None:
            shape.append(1)
            continue
        if _is_flag(k):
            arrays.append((len(shape), np.zeros(int(k), np.int64)))
            shape.append(1)
            continue
        n = x.shape[axis]
        if _is_array(k):
            a, b, s = 0, n, 1
            arrays.append((len(shape), k))
            shape.append(n)
        elif isinstance(k, slice):
            a, b, s = k.indices(n)
            count = len(range(a, b, s))
            if s < 0:
                a, b, s = a + (count - 1) * s if count else 0, a + 1, -s
                flips.append(axis)
            b = max(a, b) if count else a
            shape.append(count)
        else:
            i = _integer(k, n, axis, x.shape)
            a, b, s = i, i + 1, 1
        start.append(a)
        stop.append(b)
        step.append(s)
        axis += 1
    out = x.value()
    if (tuple(start), tuple(stop), tuple(step)) != (
        (0,) * x.ndim,
        x.shape,
        (1,) * x.ndim,
    ):
        out = ops.slice(out, start=tuple(start), stop=tuple(stop), step=tuple(step))
    if flips:
        out = ops.flip(out, axes=tuple(flips))
    if out.shape != tuple(shape):
        out = ops.reshape(out, shape=tuple(shape))
    return _gather_arrays(out, arrays) if arrays else out


def _integer(k: Any, n: int, axis: int, shape: Any) -> int:
    if isinstance(k, (bool, float, np.floating)):
        raise DtypeError(
            f"index {k!r}: expected an int, a slice, an index array or a mask"
        )
    try:
        i = int(k.__index__())
    except (AttributeError, TypeError):
        raise DtypeError(
            f"index {k!r}: expected an int, a slice, an index array or a mask"
        ) from None
    if not -n <= i < n:
        raise IndexOutOfRangeError(
            f"index {i} is out of range for axis {axis} of shape {shape}"
        ) from None
    return i % n


def _joined(
    x: Tensor, arrays: list[tuple[int, Any]]
) -> tuple[Tensor, Tensor, list[int]]:
    """x with the indexed axes as one in front of the first, and one index into it."""
    axes = [a for a, _ in arrays]
    sizes = [x.shape[a] for a in axes]
    index = [_index("index", k, n, x) for (_, k), n in zip(arrays, sizes, strict=True)]
    total = index[0]
    for k, n in zip(index[1:], sizes[1:], strict=True):
        total = total * n + k
    first = axes[0] if axes == list(range(axes[0], axes[0] + len(axes))) else 0
    rest = [i for i in range(x.ndim) if i not in axes]
    order = (*rest[:first], *axes, *rest[first:])
    moved = ops.transpose(x, permutation=order) if order != tuple(range(x.ndim)) else x
    merged = (*moved.shape[:first], math.prod(sizes), *moved.shape[first + len(axes) :])
    return ops.reshape(moved, shape=merged), total, [first, *order]


def _gather_arrays(x: Tensor, arrays: list[tuple[int, Any]]) -> Tensor:
    merged, index, (first, *_) = _joined(x, arrays)
    return ops.gather(merged, index, axis=first, batch=0)


def set_item(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value: the handle gets a new value; who shared the old one keeps it."""
    _expanded(x, key)  # which refuses masks of other shapes
    positions = np.arange(x.size, dtype=np.int32).reshape(x.shape)
    plain = tuple(
        k.numpy() if isinstance(k, Tensor) else k
        for k in (key if isinstance(key, tuple) else (key,))
    )
    try:
        where = positions[plain]
    except IndexError as error:
        raise IndexOutOfRangeError(
            f"index {key!r} for a tensor of shape {x.shape}: {error}"
        ) from None
    _, new = (
        operands("x[...] = v", x.detach(), value)
        if not isinstance(value, Tensor)
        else (x, cast(value, x.dtype))
    )
    new = cast(new, x.dtype)
    if new.shape != where.shape:
        new = ops.broadcast(new, shape=where.shape)
    flat = ops.reshape(x.value(), shape=(x.size,))
    updates = ops.reshape(new, shape=(where.size,))
    out = ops.scatter(flat, beside(flat, where.reshape(-1)), updates, axis=0, batch=0)
    out = ops.reshape(out, shape=x.shape)
    if isinstance(x, Cell):
        x.assign(out.detach())
    else:
        x.data, x.node, x.index, x.device = out.data, out.node, out.index, out.device
