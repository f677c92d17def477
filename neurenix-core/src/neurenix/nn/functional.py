"""Layers as functions of their inputs and weights. None of them changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import foreign_names, missing, random
from ..errors import InvalidArgumentError, ShapeError
from ..functions.activation import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)
from ..functions.arithmetic import tanh
from ..functions.common import floating, operands
from ..functions.creation import one_hot
from ..functions.shape import flatten
from ..functions.shape import pad as pad_each
from ..primitives import ops
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from .adaptive_pooling import adaptive_avg_pool2d
from .arguments import number, one_of
from .average_pooling import avg_pool2d
from .convolutions import conv1d, conv2d, conv_transpose2d
from .distances import cdist, cosine_similarity, normalize, pairwise_distance
from .dot_product import scaled_dot_product_attention
from .elementwise_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    smooth_l1_loss,
)
from .embedding import embedding
from .group_norm import group_norm, instance_norm
from .losses import cross_entropy, mse_loss, nll_loss
from .normalization import batch_norm, layer_norm
from .piecewise import (
    glu,
    hardsigmoid,
    hardswish,
    hardtanh,
    mish,
    prelu,
    relu6,
    selu,
    softsign,
)
from .pooling import global_average_pool2d, max_pool2d
from .sequence_pooling import avg_pool1d, max_pool1d

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cdist",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "global_average_pool2d",
    "glu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "prelu",
    "relu",
    "relu6",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
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
    if bias is None:
        return y
    if bias.shape != (w.shape[0],):
        raise ShapeError(
            f"linear: a bias of shape {bias.shape} for {w.shape[0]} outputs; "
            f"expected {(w.shape[0],)}"
        )
    return y + bias


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


def dropout2d(
    x: Any,
    p: float = 0.5,
    training: bool = True,
    generator: random.Generator | None = None,
) -> Tensor:
    """`dropout` of whole channels: x [N, C, ...], of each example others.

    >>> import neurenix as nx
    >>> nx.nn.functional.dropout2d(nx.ones(2, 3, 4, 4), training=False).mean().item()
    1.0
    """
    p = number("dropout2d: p", p, 0.0, 1.0)
    x = floating("dropout2d", x)
    if x.ndim < 2:
        raise ShapeError(
            f"dropout2d: an input of shape {x.shape}; expected [N, C, ...]"
        )
    if not training or p == 0.0:
        return x
    ones = ops.broadcast(scalar_like(x, 1), shape=(*x.shape[:2], *(1,) * (x.ndim - 2)))
    return x * dropout(ones, p, True, generator)


def pad(x: Any, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """`value` around the last axes, as PyTorch's: pad (before, after) of the last axis,
    then of the one before it, and so on. `nx.pad` names every axis, the first first.

    >>> import neurenix as nx
    >>> nx.nn.functional.pad(nx.ones(2, 3), (1, 0)).tolist()
    [[0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0]]
    """
    x = floating("pad", x)
    one_of("pad: mode", mode, ("constant",))
    if not isinstance(pad, (tuple, list)) or len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise InvalidArgumentError(
            f"pad: pad={pad!r} of a tensor of rank {x.ndim}; "
            "expected (before, after) for the last axis, then the one before it, ..."
        )
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return pad_each(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1], value)


if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = missing.of_module(__name__, foreign_names.FUNCTIONAL)
