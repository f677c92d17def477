"""Reductions: over all axes, or those that `axis` (or `dim`) names; `keepdim` is
`keepdims` as PyTorch calls it."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import bool_, int32
from ..primitives import ops
from ..primitives.reduction import with_ones
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from .axes import axes_or_dims, axis_or_dim, one_axis
from .operands import as_tensor, cast, floating


def _reduce(name: str, x: Tensor, axis: Any, dim: Any, keepdims: bool) -> Tensor:
    axes = axes_or_dims(name, axis, dim, x.ndim)
    out = getattr(ops, name)(x, axes=axes)
    return ops.reshape(out, shape=with_ones(x.shape, axes)) if keepdims else out


def sum(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The sum; bools are counted as int32.

    >>> import neurenix as nx
    >>> nx.sum(nx.ones(2, 3), axis=0).tolist()
    [2.0, 2.0, 2.0]
    """
    keepdims = keepdims or keepdim
    x = as_tensor(x)
    return _reduce(
        "sum", cast(x, int32) if x.dtype is bool_ else x, axis, dim, keepdims
    )


def prod(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The product; bools are taken as int32. Its derivatives hold at zeros too.

    >>> import neurenix as nx
    >>> nx.prod(nx.tensor([2.0, 3.0])).item()
    6.0
    """
    keepdims = keepdims or keepdim
    x = as_tensor(x)
    return _reduce(
        "prod", cast(x, int32) if x.dtype is bool_ else x, axis, dim, keepdims
    )


def cumsum(
    x: Any, axis: Any = None, reverse: bool = False, *, dim: Any = None
) -> Tensor:
    """The sums so far along an axis, from its end if `reverse`; without an axis x is
    flattened. Bools are counted as int32.

    >>> import neurenix as nx
    >>> nx.cumsum(nx.tensor([1, 2, 3])).tolist()
    [1, 3, 6]
    """
    x = as_tensor(x)
    x = cast(x, int32) if x.dtype is bool_ else x
    given = axis_or_dim("cumsum", axis, dim)
    if given is None:
        x, given = ops.reshape(x, shape=(x.size,)), 0
    return ops.cumsum(x, axis=one_axis("cumsum", given, x.ndim), reverse=reverse)


def mean(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The mean, sum / count; of integers in float32. NaN over nothing."""
    keepdims = keepdims or keepdim
    x = floating("mean", x)
    return _average(x, axes_or_dims("mean", axis, dim, x.ndim), keepdims)


def var(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    correction: float = 0,
    keepdim: bool = False,
) -> Tensor:
    """The variance, Σ(x − mean)² / (count − correction); biased unless correction=1."""
    keepdims = keepdims or keepdim
    x = floating("var", x)
    axes = axes_or_dims("var", axis, dim, x.ndim)
    centred = x - _average(x, axes, True)
    return _average(centred * centred, axes, keepdims, correction)


def _average(
    x: Tensor, axes: tuple[int, ...], keepdims: bool, correction: float = 0
) -> Tensor:
    """Σx / (count − correction); NaN where there is nothing to divide by."""
    total = _reduce("sum", x, axes, None, keepdims)
    count = math.prod(x.shape[a] for a in axes) - correction
    return total * (1.0 / count) if count > 0 else total * float("nan")


def std(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    correction: float = 0,
    keepdim: bool = False,
) -> Tensor:
    """The standard deviation, √var. Where it is 0 its derivative is 0, not NaN.

    >>> import neurenix as nx
    >>> nx.std(nx.tensor([1.0, 3.0])).item()
    1.0
    """
    keepdims = keepdims or keepdim
    given = axis_or_dim("std", axis, dim)
    return safe_sqrt(var(x, given, keepdims, correction=correction))


def max(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The largest; NaN wins. The derivative goes to the first of equals."""
    keepdims = keepdims or keepdim
    return _reduce("max", as_tensor(x), axis, dim, keepdims)


def min(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The smallest; NaN wins. The derivative goes to the first of equals."""
    keepdims = keepdims or keepdim
    return _reduce("min", as_tensor(x), axis, dim, keepdims)


def argmax(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The position of the largest (int32), the first of equals; over all axes in
    row-major order unless `axis` names one."""
    keepdims = keepdims or keepdim
    return _reduce("argmax", as_tensor(x), axis, dim, keepdims)


def argmin(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The position of the smallest (int32), the first of equals."""
    keepdims = keepdims or keepdim
    return _reduce("argmax", reversed_order(as_tensor(x)), axis, dim, keepdims)


def reversed_order(x: Tensor) -> Tensor:
    """A tensor whose elements compare the other way round; NaN stays NaN."""
    if x.dtype.is_floating:
        return ops.neg(x)
    # the complement, since the negative of an integer may not fit its dtype
    return ~x


def any(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    keepdims = keepdims or keepdim
    x = as_tensor(x)
    return _reduce("any", x if x.dtype is bool_ else x != 0, axis, dim, keepdims)


def all(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    keepdims = keepdims or keepdim
    x = as_tensor(x)
    return _reduce("all", x if x.dtype is bool_ else x != 0, axis, dim, keepdims)


def logsumexp(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """log Σ eˣ, without overflow: −∞ of −∞ alone, +∞ where one is +∞ (the derivative
    is 0 in both cases), and NaN where one is NaN.

    >>> import neurenix as nx
    >>> nx.logsumexp(nx.tensor([-float("inf"), -float("inf")])).item()
    -inf
    """
    keepdims = keepdims or keepdim
    x = floating("logsumexp", x)
    axes = axes_or_dims("logsumexp", axis, dim, x.ndim)
    top = ops.stop_gradient(_reduce("max", x, axes, None, True))
    endless = ops.equal(ops.abs(top), scalar_like(top, float("inf")))
    below = ops.where(endless, scalar_like(x, 0), ops.sub(x, top))  # not ∞ − ∞
    total = ops.log(_reduce("sum", ops.exp(below), axes, None, True))
    out = ops.add(total, top)
    return (
        out
        if keepdims
        else ops.reshape(
            out, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes)
        )
    )


def norm(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """The Euclidean norm √Σx². At 0 its derivative is 0, not NaN."""
    keepdims = keepdims or keepdim
    x = floating("norm", x)
    return safe_sqrt(sum(x * x, axis_or_dim("norm", axis, dim), keepdims))


def safe_sqrt(squares: Tensor) -> Tensor:
    """√, with the derivative 0 at 0."""
    nothing = ops.equal(squares, squares * 0.0)
    safe = ops.where(nothing, squares * 0.0 + 1.0, squares)
    return ops.where(nothing, squares * 0.0, ops.sqrt(safe))


def count_nonzero(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    keepdim: bool = False,
) -> Tensor:
    """How many elements are not 0 (int32); NaN counts.

    >>> import neurenix as nx
    >>> nx.count_nonzero(nx.tensor([0.0, 2.0, -1.0])).item()
    2
    """
    keepdims = keepdims or keepdim
    given = axis_or_dim("count_nonzero", axis, dim)
    return sum(as_tensor(x) != 0, given, keepdims)
