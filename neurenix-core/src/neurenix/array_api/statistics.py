"""Functions of the standard that sum, average and compare along axes."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgumentError
from ..functions.axes import one_axis
from ..functions.reduction import all, any, max, min
from ..functions.reduction import cumsum as _cumsum
from ..functions.reduction import mean as _mean
from ..functions.reduction import prod as _prod
from ..functions.reduction import std as _std
from ..functions.reduction import sum as _sum
from ..functions.reduction import var as _var
from ..functions.shape import concat as _concat
from ..functions.statistics import cumprod as _cumprod
from ..functions.statistics import diff as _diff
from ..tensor import Tensor
from .creation import ones, zeros
from .kinds import integer_sum


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


__all__ = [
    "all",
    "any",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
]
