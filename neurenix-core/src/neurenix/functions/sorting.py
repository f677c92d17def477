"""Sorting along one axis, either way. Equal elements keep their order; NaN is last."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import bool_, uint8
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..tensor import Tensor
from .axes import axis_or_dim, one_axis
from .operands import as_tensor, cast
from .reduction import reversed_order
from .shape import cut


def sort(
    x: Any, axis: Any = None, descending: bool = False, *, dim: Any = None
) -> Tensor:
    """The elements in order along an axis (the last by default), as NumPy's sort. The
    derivative goes back to where each element came from.

    >>> import neurenix as nx
    >>> nx.sort(nx.tensor([3.0, 1.0, 2.0]), descending=True).tolist()
    [3.0, 2.0, 1.0]
    """
    return _sorted("sort", x, axis, dim, descending)[0]


def argsort(
    x: Any, axis: Any = None, descending: bool = False, *, dim: Any = None
) -> Tensor:
    """The indices (int32) that `sort` would take the elements from.

    >>> import neurenix as nx
    >>> nx.argsort(nx.tensor([3.0, 1.0, 2.0])).tolist()
    [1, 2, 0]
    """
    return _sorted("argsort", x, axis, dim, descending)[1]


def topk(
    x: Any, k: int, axis: Any = None, largest: bool = True, *, dim: Any = None
) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) elements along an axis, in order, and their indices.

    >>> import neurenix as nx
    >>> values, indices = nx.topk(nx.tensor([3.0, 1.0, 2.0]), 2)
    >>> values.tolist(), indices.tolist()
    ([3.0, 2.0], [0, 2])
    """
    values, indices = _sorted("topk", x, axis, dim, largest)
    at = one_axis("topk", _last(axis, dim), values.ndim)
    n = values.shape[at]
    if not isinstance(k, (int, np.integer)) or not 0 <= k <= n:
        raise InvalidArgumentError(
            f"topk: k={k!r} along axis {at} of shape {values.shape}; expected 0 to {n}"
        )
    return cut(values, at, 0, int(k)), cut(indices, at, 0, int(k))


def _last(axis: Any, dim: Any) -> Any:
    return -1 if axis is None and dim is None else dim if axis is None else axis


def _sorted(
    name: str, x: Any, axis: Any, dim: Any, descending: bool
) -> tuple[Tensor, Tensor]:
    x = as_tensor(x)
    axis_or_dim(name, axis, dim)
    at = one_axis(name, _last(axis, dim), x.ndim)
    keys = cast(x, uint8) if x.dtype is bool_ else x
    if descending:
        values, indices = ops.sort(reversed_order(keys), axis=at)
        values = reversed_order(values)
    else:
        values, indices = ops.sort(keys, axis=at)
    return cast(values, x.dtype), indices
