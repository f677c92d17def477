"""Activations, and the softmax family."""

from __future__ import annotations

from typing import Any

from ..primitives import ops
from ..primitives.base import scalar_like
from ..tensor import Tensor
from . import reduction
from .common import axis_or_dim, floating, one_axis


def relu(x: Any) -> Tensor:
    """x where x > 0, else 0; its derivative at 0 is 0."""
    x = floating("relu", x)
    zero = scalar_like(x, 0)
    return ops.where(ops.greater(x, zero), x, zero)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    x = floating("leaky_relu", x)
    return ops.where(
        ops.greater(x, scalar_like(x, 0)), x, ops.mul(x, scalar_like(x, negative_slope))
    )


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e⁻ˣ), as ½ + ½ tanh(x/2), which does not overflow."""
    x = floating("sigmoid", x)
    half = scalar_like(x, 0.5)
    return ops.add(ops.mul(ops.tanh(ops.mul(x, half)), half), half)


def log_softmax(x: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """x − logsumexp(x) along an axis (the last by default)."""
    x = floating("log_softmax", x)
    given = axis_or_dim("log_softmax", axis, dim)
    at = one_axis("log_softmax", -1 if given is None else given, x.ndim)
    shifted = ops.sub(x, ops.stop_gradient(reduction.max(x, at, keepdims=True)))
    return ops.sub(shifted, ops.log(reduction.sum(ops.exp(shifted), at, keepdims=True)))


def softmax(x: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """eˣ / Σ eˣ along an axis (the last by default).

    >>> import neurenix as nx
    >>> nx.softmax(nx.zeros(2)).tolist()
    [0.5, 0.5]
    """
    x = floating("softmax", x)
    given = axis_or_dim("softmax", axis, dim)
    at = one_axis("softmax", -1 if given is None else given, x.ndim)
    e = ops.exp(ops.sub(x, ops.stop_gradient(reduction.max(x, at, keepdims=True))))
    return ops.div(e, reduction.sum(e, at, keepdims=True))
