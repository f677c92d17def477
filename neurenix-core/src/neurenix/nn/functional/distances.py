"""Lengths, distances and similarities of vectors. Where a length is 0 its derivative is
0, not NaN."""

from __future__ import annotations

import math
from typing import Any

from ...arguments import between
from ...errors import InvalidArgumentError, ShapeError
from ...functions.arithmetic import absolute, maximum
from ...functions.axes import one_axis
from ...functions.operands import floating, operands
from ...functions.reduction import max as largest
from ...functions.reduction import norm
from ...functions.reduction import sum as total
from ...functions.shape import expand_dims
from ...tensor import Tensor


def _length(name: str, x: Tensor, p: float, axis: int, keepdims: bool) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) along an axis, for p of 1, 2 or ∞."""
    if p == 2:
        return norm(x, axis, keepdims)
    if p == 1:
        return total(absolute(x), axis, keepdims)
    if p == math.inf:
        return largest(absolute(x), axis, keepdims)
    raise InvalidArgumentError(f"{name}: p={p!r}; expected 1, 2 or float('inf')")


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(‖x‖, eps), with the length along an axis: (Σ |x|ᵖ)^(1/p), p of 1, 2 or ∞.

    >>> import neurenix as nx
    >>> y = nx.nn.functional.normalize(nx.tensor([[3.0, 4.0]]))
    >>> [round(v, 6) for v in y[0].tolist()]
    [0.6, 0.8]
    """
    x = floating("normalize", x)
    eps = between("normalize", "eps", eps, 0.0)
    axis = one_axis("normalize", dim, x.ndim)
    return x / maximum(_length("normalize", x, p, axis, True), eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Σ x1·x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along an axis, which goes; the others
    broadcast.

    >>> import neurenix as nx
    >>> a, b = nx.tensor([[1.0, 0.0]]), nx.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> nx.nn.functional.cosine_similarity(a, b).tolist()
    [1.0, 0.0]
    """
    x, y = (
        floating("cosine_similarity", v) for v in operands("cosine_similarity", x1, x2)
    )
    eps = between("cosine_similarity", "eps", eps, 0.0)
    product = x * y
    axis = one_axis("cosine_similarity", dim, product.ndim) - product.ndim
    one_axis("cosine_similarity", axis, min(x.ndim, y.ndim))
    lengths = maximum(norm(x, axis), eps) * maximum(norm(y, axis), eps)
    return total(product, axis) / lengths


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """‖x1 − x2 + eps‖ along the last axis, p of 1, 2 or ∞: [..., D] -> [...], as
    PyTorch's, whose eps keeps the derivative from 0. For the distances of all pairs see
    `cdist`.

    >>> import neurenix as nx
    >>> d = nx.nn.functional.pairwise_distance(nx.zeros(2, 2), nx.tensor([3.0, 4.0]))
    >>> [round(v, 4) for v in d.tolist()]
    [5.0, 5.0]
    """
    x, y = (
        floating("pairwise_distance", v) for v in operands("pairwise_distance", x1, x2)
    )
    eps = between("pairwise_distance", "eps", eps, 0.0)
    gap = x - y + eps
    if not gap.ndim:
        raise ShapeError("pairwise_distance: two scalars; expected vectors [..., D]")
    return _length("pairwise_distance", gap, p, -1, keepdim)


def cdist(x1: Any, x2: Any, p: float = 2.0) -> Tensor:
    """‖x1ᵢ − x2ⱼ‖ of every pair of rows, p of 1, 2 or ∞: [..., N, D] and [..., M, D]
    -> [..., N, M], leading axes broadcast. Of differences, which lose no digits.

    >>> import neurenix as nx
    >>> ends = nx.tensor([[3.0, 4.0], [0.0, 1.0]])
    >>> nx.nn.functional.cdist(nx.zeros(1, 2), ends).tolist()
    [[5.0, 1.0]]
    """
    x, y = (floating("cdist", v) for v in operands("cdist", x1, x2))
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            f"cdist: shapes {x.shape} and {y.shape}; expected [..., N, D] and "
            "[..., M, D]"
        )
    gap = expand_dims(x, -2) - expand_dims(y, -3)
    return _length("cdist", gap, p, -1, False)
