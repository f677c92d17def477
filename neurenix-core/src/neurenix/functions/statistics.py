"""Along an axis: products so far, differences of neighbours, medians and quantiles, and
where numbers belong in sorted ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import finite, whole
from ..dtypes import bool_, int32
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..primitives.primitive import literal
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from .arithmetic import isnan
from .axes import axes_or_dims, axis_or_dim, one_axis
from .operands import as_tensor, cast, floating, operands
from .reduction import any as any_of
from .reduction import sum as total
from .shape import concat, cut, reshape


def cumprod(x: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """The products so far along an axis; without an axis x is flattened. Bools are
    taken as int32. Its derivatives hold at zeros too.

    >>> import neurenix as nx
    >>> nx.cumprod(nx.tensor([1, 2, 3, 4])).tolist()
    [1, 2, 6, 24]
    """
    x = as_tensor(x)
    x = cast(x, int32) if x.dtype is bool_ else x
    given = axis_or_dim("cumprod", axis, dim)
    if given is None:
        x, given = reshape(x, (x.size,)), 0
    at = one_axis("cumprod", given, x.ndim)
    n, reach = x.shape[at], 1
    while reach < n:  # after k passes each element holds what the last 2ᵏ make
        later = ops.mul(cut(x, at, reach, n), cut(x, at, 0, n - reach))
        x = concat([cut(x, at, 0, reach), later], at)
        reach *= 2
    return x


def diff(x: Any, n: int = 1, axis: Any = None, *, dim: Any = None) -> Tensor:
    """The differences of neighbours, x[i + 1] − x[i], along an axis (the last by
    default), n times over.

    >>> import neurenix as nx
    >>> nx.diff(nx.tensor([1, 4, 9, 16])).tolist()
    [3, 5, 7]
    """
    x = as_tensor(x)
    given = axis_or_dim("diff", axis, dim)
    at = one_axis("diff", -1 if given is None else given, x.ndim)
    for _ in range(whole("diff", "n", n, 0)):
        size = x.shape[at]
        x = cut(x, at, 1, size) - cut(x, at, 0, size - 1) if size else x
    return x


def median(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The middle element in order, of an even number the mean of the two in the middle,
    as NumPy's; NaN where there is one, and over nothing. The derivative goes to what
    was taken.

    >>> import neurenix as nx
    >>> nx.median(nx.tensor([5.0, 1.0, 2.0, 4.0])).item()
    3.0
    """
    keepdims = keepdims or keepdim
    x = floating("median", x)
    axes = axes_or_dims("median", axis, dim, x.ndim)
    return _quantile(x, literal(0.5, x.dtype), axes, keepdims)


def quantile(
    x: Any,
    q: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The value below which the fraction q of the elements lies, between two of them by
    a straight line, as NumPy's.

    q   a number from 0 to 1, or several: then the result has an axis for them in front

    NaN where there is one, and over nothing. Raises InvalidArgumentError for q outside
    0 to 1.

    >>> import neurenix as nx
    >>> nx.quantile(nx.tensor([0.0, 10.0, 20.0]), [0.25, 1.0]).tolist()
    [5.0, 20.0]
    """
    keepdims = keepdims or keepdim
    x = floating("quantile", x)
    axes = axes_or_dims("quantile", axis, dim, x.ndim)
    fractions = q.tolist() if isinstance(q, (np.ndarray, Tensor)) else q
    several = isinstance(fractions, (list, tuple))
    listed = list(fractions) if isinstance(fractions, (list, tuple)) else [fractions]
    for fraction in listed:
        if not 0 <= finite("quantile", "q", fraction) <= 1:
            raise InvalidArgumentError(f"quantile: q={fraction!r}; expected 0 to 1")
    if several:
        shape = (len(listed), *(1,) * x.ndim)
        levels = literal(np.reshape(listed, shape), x.dtype)
        return _quantile(x, levels, axes, keepdims)
    return _quantile(x, literal(listed[0], x.dtype), axes, keepdims)


def _quantile(x: Tensor, q: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """q of rank 0, or an axis in front and then x's axes, of size 1."""
    rest = [i for i in range(x.ndim) if i not in axes]
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    left = tuple(x.shape[i] for i in rest)
    lead = q.shape[:1]
    shape = (*lead, *(kept if keepdims else left))
    if not x.size:
        nothing = scalar_like(x, float("nan"))
        return ops.broadcast(nothing, shape=shape) if shape else nothing
    flat = reshape(ops.transpose(x, permutation=(*rest, *axes)), (*left, -1))
    n = flat.shape[-1]
    ordered = ops.sort(flat, axis=len(left))[0]
    place = ops.mul(reshape(q, lead or (1,)), scalar_like(x, n - 1))
    low = ops.floor(place)
    first = cast(low, int32)
    last = ops.minimum(ops.add(first, literal(1, int32)), literal(n - 1, int32))
    a, b = (ops.gather(ordered, i, axis=len(left), batch=0) for i in (first, last))
    weight = ops.sub(place, low)
    value = ops.where(  # not 0 · ∞, where the line is not needed
        ops.equal(weight, scalar_like(x, 0)), a, a + weight * (b - a)
    )
    spoilt = any_of(isnan(flat), -1, keepdims=True)
    value = ops.where(spoilt, scalar_like(x, float("nan")), value)
    order = (len(left), *range(len(left)))
    return reshape(ops.transpose(value, permutation=order), shape)


def searchsorted(sorted: Any, values: Any, side: str = "left") -> Tensor:
    """Where each of the values belongs in a sorted vector: how many of its elements lie
    before it, with side="right" those equal to it too (int32).

    >>> import neurenix as nx
    >>> nx.searchsorted(nx.tensor([1, 3, 5]), nx.tensor([0, 3, 9])).tolist()
    [0, 1, 3]
    """
    if side not in ("left", "right"):
        raise InvalidArgumentError(
            f"searchsorted: side={side!r}; expected 'left' or 'right'"
        )
    row, column = operands("searchsorted", as_tensor(sorted), as_tensor(values))
    if row.ndim != 1:
        raise ShapeError(
            f"searchsorted: a sorted tensor of shape {row.shape}; expected a vector"
        )
    column = reshape(column, (*column.shape, 1))
    before = ops.less(row, column) if side == "left" else ops.less_equal(row, column)
    return total(cast(before, int32), -1)
