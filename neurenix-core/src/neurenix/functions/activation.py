"""Activations, and the softmax family."""

from __future__ import annotations

import math
from typing import Any

from ..arguments import number
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from . import reduction
from .axes import axis_or_dim, one_axis
from .operands import floating


def relu(x: Any) -> Tensor:
    """0 where x ≤ 0, else x; its derivative at 0 is 0. NaN stays NaN, with derivative
    1, so that it is seen behind a network.

    >>> import neurenix as nx
    >>> nx.relu(nx.tensor([-1.0, 2.0, float("nan")])).tolist()
    [0.0, 2.0, nan]
    """
    x = floating("relu", x)
    zero = scalar_like(x, 0)
    return ops.where(ops.less_equal(x, zero), zero, x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope · x."""
    x = floating("leaky_relu", x)
    negative_slope = number("leaky_relu", "negative_slope", negative_slope)
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


def silu(x: Any) -> Tensor:
    """x · sigmoid(x), also called swish."""
    x = floating("silu", x)
    return ops.mul(x, sigmoid(x))


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """x · Φ(x), with Φ the standard normal distribution function.

    `approximate="tanh"` takes ½ + ½ tanh(√(2/π) (x + 0.044715 x³)) for Φ.
    Source: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.

    >>> import neurenix as nx
    >>> nx.gelu(nx.tensor([0.0, 10.0])).tolist()
    [0.0, 10.0]
    """
    x = floating("gelu", x)
    if approximate not in ("none", "tanh"):
        raise InvalidArgumentError(
            f"gelu: approximate={approximate!r}; expected 'none' or 'tanh'"
        )
    half = scalar_like(x, 0.5)
    if approximate == "none":
        bent = ops.erf(ops.mul(x, scalar_like(x, math.sqrt(0.5))))
    else:
        cubed = ops.mul(ops.integer_pow(x, exponent=3), scalar_like(x, 0.044715))
        scale = scalar_like(x, math.sqrt(2 / math.pi))
        bent = ops.tanh(ops.mul(ops.add(x, cubed), scale))
    return ops.mul(x, ops.add(ops.mul(bent, half), half))


def softplus(x: Any) -> Tensor:
    """log(1 + eˣ), without overflow."""
    x = floating("softplus", x)
    zero = scalar_like(x, 0)
    positive = ops.greater(x, zero)
    # −|x| by `where`: the derivatives at 0 are those of log(1 + eˣ)
    folded = ops.where(positive, ops.neg(x), x)
    return ops.add(ops.where(positive, x, zero), ops.log1p(ops.exp(folded)))


def log_sigmoid(x: Any) -> Tensor:
    """log sigmoid(x) = −softplus(−x)."""
    return ops.neg(softplus(ops.neg(floating("log_sigmoid", x))))


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha · (eˣ − 1)."""
    x = floating("elu", x)
    alpha = number("elu", "alpha", alpha)
    zero, one = scalar_like(x, 0), scalar_like(x, 1)
    positive = ops.greater(x, zero)
    # eˣ − 1 = 2t / (1 − t) with t = tanh(x/2) keeps its digits near 0
    t = ops.tanh(ops.mul(ops.where(positive, zero, x), scalar_like(x, 0.5)))
    below = ops.div(ops.mul(t, scalar_like(x, 2 * alpha)), ops.sub(one, t))
    return ops.where(positive, x, below)
