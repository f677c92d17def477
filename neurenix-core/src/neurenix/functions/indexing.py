"""x[...], and x[...] = v; take, and take_along_axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dispatch
from ..dtypes import int32
from ..errors import CaptureError, ShapeError
from ..primitives import ops
from ..primitives.primitive import literal
from ..program import Symbol
from ..settings import current_device
from ..state.cell import Cell
from ..tensor import Tensor, tensor
from ..user_lines import user_line
from .axes import one_axis
from .index_keys import (
    Array,
    Indices,
    Mask,
    axis_of,
    from_zero,
    index_values,
    place_of_arrays,
    read_key,
    read_now,
)
from .operands import as_tensor, beside, cast, operands
from .shape import reshape


def take(x: Any, index: Any, axis: int = 0) -> Tensor:
    """The elements at `index` along an axis: shape x[:axis] + index + x[axis+1:].

    Negative indices count from the end. Raises DtypeError for what is no integer, and
    IndexOutOfRangeError. Inside compile, vmap, map and scan the values of an argument
    are not known: there an index that is out of range takes the nearest element.
    """
    x = as_tensor(x)
    at = one_axis("take", axis, x.ndim)
    found = index_values("take", index)
    values = from_zero(found, x.shape[at], axis_of(at, x.shape))
    return ops.gather(x, _beside(x, values), axis=at, batch=0)


def take_along_axis(x: Any, index: Any, axis: int = -1) -> Tensor:
    """x [.., n, ..], index [.., k, ..], other axes equal: the element at each index.

    Indices are as in `take`.
    """
    x, index = as_tensor(x), index_values("take_along_axis", index)
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
    values = from_zero(index, x.shape[at], axis_of(at, x.shape))
    picks = ops.transpose(_beside(x, values), permutation=order)
    return ops.transpose(
        ops.gather(rows, picks, axis=x.ndim - 1, batch=x.ndim - 1), permutation=back
    )


def _beside(x: Tensor, values: Any, dtype: Any = np.int32) -> Tensor:
    """Positions, or a mask, as a tensor where x is."""
    if isinstance(values, Tensor):
        return values
    return beside(x, np.asarray(values, dtype))


# ---- x[key] --------------------------------------------------------------------------


def get_item(x: Tensor, key: Any) -> Tensor:
    """A copy of the part that the key names, by NumPy's rules; never a view.

    Index arrays broadcast together, and with integers beside them; their axes stand
    where the first of them stood, or in front if a slice, None or `...` parts them. A
    mask stands for the indices where it holds. What is out of range is an error, and
    inside a program, where values are not known, the nearest element (see `take`).
    """
    return _part_of(x.value(), read_key(x.shape, key))


def _part_of(x: Tensor, parts: Sequence[Any]) -> Tensor:
    start, stop, step, flips = [], [], [], []
    shape: list[int] = []  # after slicing, integers dropped and None added
    arrays: list[tuple[int, Any]] = []  # (axis in `shape`, positions)
    axis = 0

    def cut(a: int, b: int, s: int = 1) -> None:
        nonlocal axis
        start.append(a)
        stop.append(b)
        step.append(s)
        axis += 1

    for part in parts:
        if part is None:
            shape.append(1)
        elif isinstance(part, slice):
            a, b, s = part.indices(x.shape[axis])
            count = len(range(a, b, s))
            if s < 0:
                a, b, s = a + (count - 1) * s if count else 0, a + 1, -s
                flips.append(axis)
            shape.append(count)
            cut(a, max(a, b) if count else a, s)
        elif isinstance(part, int):
            cut(part, part + 1)
        elif isinstance(part, (Indices, Mask)):
            for values in _positions(part):
                arrays.append((len(shape), values))
                is_axis = isinstance(part, Indices) or part.values.ndim > 0
                shape.append(x.shape[axis] if is_axis else 1)
                if is_axis:
                    cut(0, x.shape[axis])
    if (*start, *stop, *step) != (*(0,) * x.ndim, *x.shape, *(1,) * x.ndim):
        x = ops.slice(x, start=tuple(start), stop=tuple(stop), step=tuple(step))
    if flips:
        x = ops.flip(x, axes=tuple(flips))
    if x.shape != tuple(shape):
        x = ops.reshape(x, shape=tuple(shape))
    return _gathered(x, arrays, place_of_arrays(parts)) if arrays else x


def _positions(part: Indices | Mask) -> Sequence[Any]:
    """Along each axis; a mask of rank 0 takes or leaves the one of an axis of its
    own."""
    if isinstance(part, Indices):
        return [part.values]
    mask = part.values
    if isinstance(mask, Tensor):
        mask = read_now("a mask", mask)
    return np.nonzero(mask) if mask.ndim else [np.zeros(int(mask), np.int64)]


def _gathered(x: Tensor, arrays: list[tuple[int, Any]], place: int) -> Tensor:
    """The indexed axes as one, at `place` among the others, and one index into it."""
    axes = [a for a, _ in arrays]
    sizes = [x.shape[a] for a in axes]
    index = _one_index(x, [values for _, values in arrays], sizes)
    rest = [i for i in range(x.ndim) if i not in axes]
    order = (*rest[:place], *axes, *rest[place:])
    moved = ops.transpose(x, permutation=order) if order != tuple(range(x.ndim)) else x
    merged = (*moved.shape[:place], math.prod(sizes), *moved.shape[place + len(axes) :])
    joined = ops.reshape(moved, shape=merged)
    return ops.gather(joined, index, axis=place, batch=0)


def _one_index(x: Tensor, values: Sequence[Any], sizes: Sequence[int]) -> Tensor:
    """Row-major positions in axes of these sizes."""
    if len(values) == 1:
        return _beside(x, values[0])
    shapes = [tuple(v.shape) for v in values]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(map(str, shapes))
        raise ShapeError(
            f"index: the index arrays of shapes {listed} do not broadcast together"
        ) from None
    if not any(isinstance(v, Tensor) for v in values):
        total = values[0]
        for v, n in zip(values[1:], sizes[1:], strict=True):
            total = total * n + v
        return _beside(x, total)
    found = [_in_range(_beside(x, v), n) for v, n in zip(values, sizes, strict=True)]
    joined = found[0]
    for v, n in zip(found[1:], sizes[1:], strict=True):
        joined = ops.add(ops.mul(joined, literal(n, int32)), v)
    return joined


def _in_range(index: Tensor, size: int) -> Tensor:
    """An index whose values are unknown, limited to its axis, so that it cannot spill
    into another."""
    if not isinstance(index.data, Symbol):
        return index
    last = literal(max(size - 1, 0), int32)
    return ops.minimum(ops.maximum(index, literal(0, int32)), last)


# ---- x[key] = value ------------------------------------------------------------------


def set_item(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value: the handle gets a new value; who shared the old one keeps it.

    Keys are those of reading. Where one element is named twice the last value stays.
    """
    parts = read_key(x.shape, key)
    old = x.value()
    new = value.value() if isinstance(value, Tensor) else _given(x, value)
    new = cast(new, x.dtype)
    out = _masked(old, parts, new)
    if out is None:
        out = _written(old, parts, new)
    if isinstance(x, Cell):
        x.assign(out.detach())
    else:
        x.data, x.node, x.index, x.device = out.data, out.node, out.index, out.device


def _given(x: Tensor, value: Any) -> Tensor:
    """Numbers and arrays as a tensor, where x is: what is made of a number alone would
    be on the current device."""
    new = operands("x[...] = v", x.detach(), value)[1]
    home = current_device() if new.device is None else new.device
    if dispatch.recorder() is not None or x.device in (None, home):
        return new
    return tensor(new, device=x.device)


def _written(x: Tensor, parts: Sequence[Any], value: Tensor) -> Tensor:
    where = _named(x, parts)
    updates = reshape(_spread(value, where.shape), -1)
    flat = _beside(x, where.reshape(-1))
    out = ops.scatter(reshape(x, -1), flat, updates, axis=0, batch=0)
    return reshape(out, x.shape)


def _named(x: Tensor, parts: Sequence[Any]) -> Any:
    """The row-major positions of the part, in its shape."""
    values = [p.values for p in parts if isinstance(p, (Indices, Mask))]
    tensors = [v for v in values if isinstance(v, Tensor)]
    if dispatch.recorder() is None or not tensors:
        numbers = np.arange(x.size, dtype=np.int32).reshape(x.shape)
        return _part_of_array(numbers, parts)
    flat = ops.iota(shape=(x.size,), axis=0, dtype=int32)
    return _part_of(ops.reshape(flat, shape=x.shape), parts)


def _part_of_array(numbers: Array, parts: Sequence[Any]) -> Array:
    key = tuple(
        np.asarray(part.values) if isinstance(part, (Indices, Mask)) else part
        for part in parts
    )
    try:
        return numbers[key]
    except IndexError as error:  # arrays that do not broadcast
        raise ShapeError(f"index: {error}") from None


def _spread(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A value for a part of that shape."""
    extra = value.ndim - len(shape)
    if extra > 0 and value.shape[:extra] == (1,) * extra:
        value = ops.reshape(value, shape=value.shape[extra:])
    if value.shape == shape:
        return value
    aligned = zip(value.shape[::-1], shape[::-1], strict=False)
    if value.ndim > len(shape) or any(a not in (1, b) for a, b in aligned):
        raise ShapeError(
            f"x[...] = v: a value of shape {value.shape} for a part of shape {shape}"
        )
    return ops.broadcast(value, shape=shape)


def _masked(x: Tensor, parts: Sequence[Any], value: Tensor) -> Tensor | None:
    """x[mask] = value as a choice by the mask, where value is one for all that it
    names: so it needs no values of the mask. None where that is not so."""
    arrays = [p for p in parts if isinstance(p, (Indices, Mask))]
    masks = [p.values for p in arrays if isinstance(p, Mask)]
    known = not any(isinstance(mask, Tensor) for mask in masks)
    if len(masks) != len(arrays) or len(masks) != 1 or not masks[0].ndim:
        if known:
            return None
        raise _unknown_mask()
    mask = masks[0]
    at = next(i for i, p in enumerate(parts) if isinstance(p, Mask))
    whole = [slice(None)] * mask.ndim
    basic = [*parts[:at], *whole, *parts[at + 1 :]]
    old = _part_of(x, basic)
    first = sum(p is None or isinstance(p, slice) for p in parts[:at])
    place, rank = place_of_arrays(parts), old.ndim - mask.ndim + 1
    given = (1,) * (rank - value.ndim) + value.shape
    if len(given) > rank or given[place] != 1:
        if known:
            return None
        raise _unknown_mask()
    rest = (*given[:place], *given[place + 1 :])
    shape = (*rest[:first], *(1,) * mask.ndim, *rest[first:])
    new = _spread(ops.reshape(value, shape=shape), old.shape)
    ends = (1,) * (old.ndim - first - mask.ndim)
    condition = reshape(_beside(x, mask, np.bool_), (*mask.shape, *ends))
    chosen = ops.where(condition, new, old)
    return chosen if old is x else _written(x, basic, chosen)


def _unknown_mask() -> CaptureError:
    return CaptureError(
        f"x[mask] = v at {user_line()} while a program is being captured: how many "
        "elements the mask names is not known, so that v must be one value for all of "
        "them; or use nx.where(mask, a, b)"
    )
