"""Normalisation, each step written out, so that derivatives of any order are right
under nx.map and nx.vmap as well.

A mean m is subtracted as a constant c that equals it, and what depends on m − c, which
is zero, is added for its derivatives' sake: (x − m)·s = (x − c)·s − (m − c)·s, and
mean((x − m)²) = mean((x − c)²) − (m − c)² whatever c is, so derivatives of every order
are exact. What reaches m on its way back then comes from terms as small as m; through
x − m each cotangent would be summed over all of x, that of the variance only to find
zero. Two sums are left, Σg and Σg·(x − m), as in Ioffe & Szegedy 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError
from ...functions.arithmetic import rsqrt, stop_gradient
from ...functions.operands import floating
from ...functions.reduction import mean
from ...functions.shape import reshape
from ...tensor import Tensor


def _per_channel(name: str, what: str, value: Tensor, x: Tensor) -> Tensor:
    """[C] beside x [N, C, ...]."""
    if value.shape != (x.shape[1],):
        raise ShapeError(
            f"{name}: {what} has shape {value.shape}; "
            f"an input of shape {x.shape} has {x.shape[1]} channels"
        )
    return reshape(value, (x.shape[1], *(1,) * (x.ndim - 2)))


def _centred(x: Tensor, average: Tensor) -> tuple[Tensor, Tensor]:
    """x − c and m − c; see above."""
    constant = stop_gradient(average)
    return x - constant, average - constant


def statistics_of(
    x: Tensor, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The mean over the axes, which stay, and the biased variance; x − c and m − c."""
    average = mean(x, axes, keepdims=True)
    centred, moved = _centred(x, average)
    variance = mean(centred * centred, axes, keepdims=True) - moved * moved
    return average, variance, centred, moved


def _scaled(
    name: str,
    x: Tensor,
    parts: tuple[Tensor, Tensor],
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """(x − m) / √(variance + eps) · weight + bias, with the parts of x − m."""
    centred, moved = parts
    scale = rsqrt(variance + eps)
    if weight is not None:
        scale = scale * _per_channel(name, "the weight", weight, x)
    shift = moved * scale
    if bias is None:
        return centred * scale - shift
    return centred * scale + (_per_channel(name, "the bias", bias, x) - shift)


def _channels(name: str, x: Any) -> Tensor:
    x = floating(name, x)
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: an input of shape {x.shape}; expected [N, C] or [N, C, ...]"
        )
    return x


def normalize_batch(
    name: str, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """x by its own statistics; and these: the mean and the biased variance, each [C].

    Raises ShapeError for one value a channel, whose variance says nothing."""
    x = _channels(name, x)
    if x.size <= x.shape[1]:
        raise ShapeError(
            f"{name}: an input of shape {x.shape} "
            f"has {x.size // max(x.shape[1], 1)} value a channel; "
            "batch statistics need two or more (a larger batch, or stored statistics)"
        )
    axes = (0, *range(2, x.ndim))
    average, variance, centred, moved = statistics_of(x, axes)
    y = _scaled(name, x, (centred, moved), variance, weight, bias, eps)
    return y, reshape(average, (x.shape[1],)), reshape(variance, (x.shape[1],))


def normalize_stored(
    name: str,
    x: Tensor,
    average: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """x by given statistics, each [C]."""
    x = _channels(name, x)
    parts = _centred(x, _per_channel(name, "the mean", average, x))
    spread = _per_channel(name, "the variance", variance, x)
    return _scaled(name, x, parts, spread, weight, bias, eps)


def batch_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(variance + eps) · weight + bias for each channel: x [N, C, ...],
    all else [C].

    The statistics are the given ones; in training, or without them, those of x over all
    axes but the channels', with the biased variance. Nothing is updated: that is the
    layers' matter.

    Raises ShapeError for shapes that do not go together, and for one value a channel.

    >>> import neurenix as nx
    >>> nx.nn.functional.batch_norm(nx.tensor([[1.0], [3.0]]), eps=0.0).tolist()
    [[-1.0], [1.0]]
    """
    if training or running_mean is None or running_var is None:
        return normalize_batch("batch_norm", x, weight, bias, eps)[0]
    return normalize_stored(
        "batch_norm", x, running_mean, running_var, weight, bias, eps
    )


def layer_norm(
    x: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x − mean) / √(variance + eps) · weight + bias over the last axes, whose shape is
    `normalized_shape`, as are weight and bias. The variance is the biased one.

    Raises ShapeError where x does not end in that shape. Ba, Kiros & Hinton 2016.

    >>> import neurenix as nx
    >>> nx.nn.functional.layer_norm(nx.tensor([[1.0, 3.0]]), 2, eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    x = floating("layer_norm", x)
    shape = (
        (normalized_shape,)
        if isinstance(normalized_shape, int)
        else tuple(normalized_shape)
    )
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"layer_norm: an input of shape {x.shape} does not end in {shape}"
        )
    for what, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != shape:
            raise ShapeError(
                f"layer_norm: a {what} of shape {value.shape}; expected {shape}"
            )
    axes = tuple(range(x.ndim - len(shape), x.ndim))
    _, variance, centred, moved = statistics_of(x, axes)
    y: Tensor = (centred - moved) * rsqrt(variance + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias
