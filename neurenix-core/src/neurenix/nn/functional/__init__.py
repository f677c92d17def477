"""Layers as functions of their inputs and weights; none of them changes anything. The
files beside this folder hold the layers as modules, which call these functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import foreign_names, missing
from ...functions.activation import (
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
from ...functions.arithmetic import tanh
from ...functions.creation import one_hot
from ...functions.shape import flatten
from .activation import (
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
from .adaptive_pooling import adaptive_avg_pool2d
from .affine import linear
from .attention import scaled_dot_product_attention
from .average_pooling import avg_pool2d
from .convolution import conv1d, conv2d, conv_transpose2d
from .distances import cdist, cosine_similarity, normalize, pairwise_distance
from .dropouts import dropout, dropout2d
from .elementwise_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    smooth_l1_loss,
)
from .group_normalization import group_norm, instance_norm
from .lookup import embedding
from .losses import cross_entropy, mse_loss, nll_loss
from .normalization import batch_norm, layer_norm
from .padding import pad
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


if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = missing.of_module(__name__, foreign_names.FUNCTIONAL)
