"""Layers as functions of their inputs and weights. None of them changes anything."""

from __future__ import annotations

from typing import Any

from .. import random
from ..errors import ShapeError
from ..functions.activation import (
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    softmax,
)
from ..functions.arithmetic import tanh
from ..functions.common import floating, operands
from ..functions.shape import flatten
from ..primitives import ops
from ..primitives.base import scalar_like
from ..tensor import Tensor
from .arguments import number, pair
from .average_pooling import avg_pool2d
from .dot_product import scaled_dot_product_attention
from .losses import cross_entropy, mse_loss
from .normalization import batch_norm, layer_norm
from .pooling import global_average_pool2d, max_pool2d

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "dropout",
    "flatten",
    "gelu",
    "global_average_pool2d",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "relu",
    "scaled_dot_product_attention",
    "sigmoid",
    "softmax",
    "tanh",
]


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x Wᵀ + b: x [..., in], weight [out, in], bias [out] -> [..., out].

    Raises ShapeError where they do not go together.

    >>> import neurenix as nx
    >>> nx.nn.functional.linear(nx.ones(2, 3), nx.ones(4, 3)).shape
    (2, 4)
    """
    x, w = operands("linear", floating("linear", x, weight), weight)
    if w.ndim != 2 or not x.ndim or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"linear: an input of shape {x.shape} for a weight of shape {w.shape} "
            "(out, in): the input's last axis "
            f"must be {w.shape[-1] if w.ndim else 'in'}"
        )
    y = ops.dot_general(
        x, w, lhs_contract=(x.ndim - 1,), rhs_contract=(1,), lhs_batch=(), rhs_batch=()
    )  # both contract their last axis: nothing is transposed
    return y if bias is None else y + _bias("linear", bias, w.shape[0])


def _bias(name: str, bias: Tensor, size: int) -> Tensor:
    if bias.shape != (size,):
        raise ShapeError(
            f"{name}: a bias of shape {bias.shape} for {size} outputs; "
            f"expected {(size,)}"
        )
    return bias


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
) -> Tensor:
    """Cross-correlation over images: x [N, C, H, W], weight [O, C, kh, kw], bias [O]
    -> [N, O, H', W'], with H' = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1.

    stride, padding, dilation: an int, or one for height and one for width. There are no
    groups. Raises ShapeError where shapes do not go together.

    >>> import neurenix as nx
    >>> image, weight = nx.ones(1, 3, 8, 8), nx.ones(4, 3, 3, 3)
    >>> nx.nn.functional.conv2d(image, weight, padding=1).shape
    (1, 4, 8, 8)
    """
    x, w = operands("conv2d", floating("conv2d", x, weight), weight)
    if x.ndim != 4 or w.ndim != 4:
        one = x.ndim == 3 and w.ndim == 4
        raise ShapeError(
            f"conv2d: shapes {x.shape} and {w.shape}; "
            "expected an input [N, C, H, W] and a weight [O, C, kh, kw]"
            + (": one image is x[None], which is [1, C, H, W]" if one else "")
        )
    if x.shape[1] != w.shape[1]:
        raise ShapeError(
            f"conv2d: the input of shape {x.shape} has {x.shape[1]} channels, "
            f"the weight of shape {w.shape} takes {w.shape[1]}"
            + (
                ": images with their channels last are transposed by "
                "nx.moveaxis(x, -1, 1)"
                if x.shape[-1] == w.shape[1]
                else ""
            )
        )
    high, wide = pair("conv2d: padding", padding, 0)
    y = ops.conv_general(
        x,
        w,
        batch=0,
        stride=pair("conv2d: stride", stride),
        padding=((high, high), (wide, wide)),
        dilation=pair("conv2d: dilation", dilation),
    )
    return (
        y
        if bias is None
        else y
        + ops.reshape(_bias("conv2d", bias, w.shape[0]), shape=(w.shape[0], 1, 1))
    )


def dropout(
    x: Any,
    p: float = 0.5,
    training: bool = True,
    generator: random.Generator | None = None,
) -> Tensor:
    """Inverted dropout: each element 0 with probability p, else x / (1 − p), so that
    the mean stays. Without `training` it is x itself.

    The numbers come from `generator` (nx's default one); inside nx.map, nx.vmap and
    nx.scan every iteration has its own.
    """
    p = number("dropout: p", p, 0.0, 1.0)
    x = floating("dropout", x)
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    kept = random.bernoulli(1.0 - p, x.shape, generator=generator)
    if x.device is not None:  # numbers come from the current device
        kept = kept.to(x.device)
    return ops.where(kept, x * (1.0 / (1.0 - p)), scalar_like(x, 0))
