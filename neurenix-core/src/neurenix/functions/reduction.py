"""Reductions: over all axes, or those that `axis` (or `dim`) names."""

from __future__ import annotations

from typing import Any

from ..dtypes import bool_, int32
from ..primitives import ops
from ..primitives.reduction import with_ones
from ..tensor import Tensor
from .common import all_axes, as_tensor, axis_or_dim, cast, floating


def _reduce(name: str, x: Tensor, axis: Any, dim: Any, keepdims: bool) -> Tensor:
    axes = all_axes(name, axis_or_dim(name, axis, dim), x.ndim)
    out = getattr(ops, name)(x, axes=axes)
    return ops.reshape(out, shape=with_ones(x.shape, axes)) if keepdims else out


def sum(x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None) -> Tensor:
    """The sum; bools are counted as int32.

    >>> import neurenix as nx
    >>> nx.sum(nx.ones(2, 3), axis=0).tolist()
    [2.0, 2.0, 2.0]
    """
    x = as_tensor(x)
    return _reduce(
        "sum", cast(x, int32) if x.dtype is bool_ else x, axis, dim, keepdims
    )


def mean(
    x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None
) -> Tensor:
    """The mean, sum / count; of integers in float32. NaN over nothing."""
    x = floating("mean", x)
    axes = all_axes("mean", axis_or_dim("mean", axis, dim), x.ndim)
    count = 1
    for a in axes:
        count *= x.shape[a]
    total = _reduce("sum", x, axes, None, keepdims)
    return total * (1.0 / count) if count else total * float("nan")


def var(
    x: Any,
    axis: Any = None,
    keepdims: bool = False,
    *,
    dim: Any = None,
    correction: float = 0,
) -> Tensor:
    """The variance, Σ(x − mean)² / (count − correction); biased unless correction=1."""
    x = floating("var", x)
    axes = all_axes("var", axis_or_dim("var", axis, dim), x.ndim)
    centred = x - mean(x, axes, keepdims=True)
    count = 1
    for a in axes:
        count *= x.shape[a]
    total = _reduce("sum", centred * centred, axes, None, keepdims)
    left = count - correction
    return total * (1.0 / left) if left > 0 else total * float("nan")


def max(x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None) -> Tensor:
    """The largest; NaN wins. The derivative goes to the first of equals."""
    return _reduce("max", as_tensor(x), axis, dim, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None) -> Tensor:
    """The smallest; NaN wins. The derivative goes to the first of equals."""
    return _reduce("min", as_tensor(x), axis, dim, keepdims)


def argmax(
    x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None
) -> Tensor:
    """The position of the largest (int32), the first of equals; over all axes in
    row-major order unless `axis` names one."""
    return _reduce("argmax", as_tensor(x), axis, dim, keepdims)


def argmin(
    x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None
) -> Tensor:
    """The position of the smallest (int32), the first of equals."""
    return _reduce("argmax", ops.neg(as_tensor(x)), axis, dim, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None) -> Tensor:
    x = as_tensor(x)
    return _reduce("any", x if x.dtype is bool_ else x != 0, axis, dim, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None) -> Tensor:
    x = as_tensor(x)
    return _reduce("all", x if x.dtype is bool_ else x != 0, axis, dim, keepdims)


def logsumexp(
    x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None
) -> Tensor:
    """log Σ eˣ, without overflow."""
    x = floating("logsumexp", x)
    axes = all_axes("logsumexp", axis_or_dim("logsumexp", axis, dim), x.ndim)
    top = ops.stop_gradient(_reduce("max", x, axes, None, True))
    total = ops.log(_reduce("sum", ops.exp(ops.sub(x, top)), axes, None, True))
    out = ops.add(total, top)
    return (
        out
        if keepdims
        else ops.reshape(
            out, shape=tuple(n for i, n in enumerate(x.shape) if i not in axes)
        )
    )


def norm(
    x: Any, axis: Any = None, keepdims: bool = False, *, dim: Any = None
) -> Tensor:
    """The Euclidean norm √Σx². At 0 its derivative is 0, not NaN."""
    x = floating("norm", x)
    squares = sum(x * x, axis_or_dim("norm", axis, dim), keepdims)
    nothing = ops.equal(squares, squares * 0.0)
    safe = ops.where(nothing, squares * 0.0 + 1.0, squares)
    return ops.where(nothing, squares * 0.0, ops.sqrt(safe))
