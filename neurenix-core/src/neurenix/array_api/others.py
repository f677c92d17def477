"""Shapes, searching, statistics, products: by the standard's signatures."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import IndexOutOfRangeError, InvalidArgumentError, ShapeError
from ..functions.arithmetic import where
from ..functions.arrangement import repeat as _repeat
from ..functions.arrangement import roll as _roll
from ..functions.arrangement import tile as _tile
from ..functions.arrangement import unstack as _unstack
from ..functions.axes import one_axis
from ..functions.indexing import take as _take
from ..functions.indexing import take_along_axis
from ..functions.linear import matmul
from ..functions.matrices import tensordot as _tensordot
from ..functions.reduction import all, any, argmax, argmin, count_nonzero, max, min
from ..functions.reduction import cumsum as _cumsum
from ..functions.reduction import mean as _mean
from ..functions.reduction import prod as _prod
from ..functions.reduction import std as _std
from ..functions.reduction import sum as _sum
from ..functions.reduction import var as _var
from ..functions.shape import broadcast_to as _broadcast_to
from ..functions.shape import concat as _concat
from ..functions.shape import expand_dims as _expand_dims
from ..functions.shape import flip as _flip
from ..functions.shape import moveaxis, permute, stack
from ..functions.shape import reshape as _reshape
from ..functions.shape import squeeze as _squeeze
from ..functions.sorting import argsort as _argsort
from ..functions.sorting import sort as _sort
from ..functions.statistics import cumprod as _cumprod
from ..functions.statistics import diff as _diff
from ..functions.statistics import searchsorted as _searchsorted
from ..tensor import Tensor
from .creation import ones, zeros
from .kinds import integer_sum

# ---- shapes --------------------------------------------------------------------------


def broadcast_to(x: Tensor, /, shape: Any) -> Tensor:
    return _broadcast_to(x, tuple(shape))


def concat(arrays: Any, /, *, axis: int | None = 0) -> Tensor:
    """Joined along an axis; flattened first where it is None."""
    if axis is None:
        return _concat([_reshape(x, (x.size,)) for x in arrays], 0)
    return _concat(list(arrays), axis)


def expand_dims(x: Tensor, /, axis: int) -> Tensor:
    """With an axis of size 1; IndexOutOfRangeError where there is no such place."""
    place = operator.index(axis)
    if not -x.ndim - 1 <= place <= x.ndim:
        raise IndexOutOfRangeError(
            f"expand_dims: axis {axis} of a tensor of rank {x.ndim}; expected "
            f"{-x.ndim - 1} to {x.ndim}"
        )
    return _expand_dims(x, place)


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    return _flip(x, tuple(range(x.ndim)) if axis is None else axis)


def permute_dims(x: Tensor, /, axes: Any) -> Tensor:
    return permute(x, tuple(axes))


def reshape(x: Tensor, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    return _reshape(x, tuple(shape))


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    counts = repeats.numpy() if isinstance(repeats, Tensor) else repeats
    return _repeat(x, counts, axis)


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    return _roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: Any) -> Tensor:
    return _squeeze(x, axis)


def tile(x: Tensor, repetitions: Any, /) -> Tensor:
    return _tile(x, tuple(repetitions))


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    return tuple(_unstack(x, axis))


# ---- searching -----------------------------------------------------------------------


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    if axis is None and x.ndim != 1:
        raise InvalidArgumentError(
            f"take: axis is needed for a tensor of rank {x.ndim}"
        )
    return _take(x, indices, 0 if axis is None else axis)


def sort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """In order along an axis; always stable."""
    return _sort(x, axis, descending)


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """Where `sort` takes the elements from; always stable."""
    return _argsort(x, axis, descending)


def searchsorted(
    x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the elements of x2 belong in the sorted vector x1: how many of its elements
    lie before (with side="right": or are equal)."""
    row = x1 if sorter is None else _take(x1, sorter)
    return _searchsorted(row, x2, side)


# ---- statistics ----------------------------------------------------------------------


def sum(
    x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
) -> Tensor:
    return _sum(integer_sum(x, dtype), axis, keepdims)


def prod(
    x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
) -> Tensor:
    return _prod(integer_sum(x, dtype), axis, keepdims)


def mean(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    return _mean(x, axis, keepdims)


def var(
    x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    return _var(x, axis, keepdims, correction=correction)


def std(
    x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    return _std(x, axis, keepdims, correction=correction)


def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Tensor:
    """The sums so far; `include_initial=True` puts a 0 before them."""
    first = zeros if include_initial else None
    return _cumulative("cumulative_sum", x, axis, dtype, _cumsum, first)


def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,
    include_initial: bool = False,
) -> Tensor:
    """The products so far; `include_initial=True` puts a 1 before them."""
    first = ones if include_initial else None
    return _cumulative("cumulative_prod", x, axis, dtype, _cumprod, first)


def _cumulative(
    name: str,
    x: Tensor,
    axis: int | None,
    dtype: Any,
    accumulate: Any,
    first: Any,
) -> Tensor:
    if axis is None and x.ndim > 1:
        raise InvalidArgumentError(f"{name}: axis is needed for rank {x.ndim}")
    a = one_axis(name, -1 if axis is None else axis, x.ndim)
    x = accumulate(integer_sum(x, dtype), a)
    if first is None:
        return x
    shape = (*x.shape[:a], 1, *x.shape[a + 1 :])
    return _concat([first(shape, dtype=x.dtype, device=x.device), x], a)


def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along an axis, n times over."""
    a = one_axis("diff", axis, x.ndim)
    parts = [p for p in (prepend, x, append) if p is not None]
    x = _concat(parts, a) if len(parts) > 1 else x
    return _diff(x, n, a)


# ---- products ------------------------------------------------------------------------


def matrix_transpose(x: Tensor, /) -> Tensor:
    return permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    return _tensordot(x1, x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Σ x1·x2 along one axis; the others broadcast."""
    sizes = [x.shape[one_axis("vecdot", axis, x.ndim)] for x in (x1, x2)]
    if sizes[0] != sizes[1]:
        raise ShapeError(
            f"vecdot: shapes {x1.shape} and {x2.shape} differ along axis {axis}"
        )
    return _sum(x1 * x2, axis)


__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "broadcast_to",
    "concat",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "expand_dims",
    "flip",
    "matmul",
    "matrix_transpose",
    "max",
    "mean",
    "min",
    "moveaxis",
    "permute_dims",
    "prod",
    "repeat",
    "reshape",
    "roll",
    "searchsorted",
    "sort",
    "squeeze",
    "stack",
    "std",
    "sum",
    "take",
    "take_along_axis",
    "tensordot",
    "tile",
    "unstack",
    "var",
    "vecdot",
    "where",
]
