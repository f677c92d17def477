"""Networks: modules, parameters, layers, losses and initial values."""

from . import functional, init
from .activation import GELU, LeakyReLU, ReLU, Sigmoid, Tanh
from .attention import MultiHeadAttention
from .average_pooling import AvgPool2d
from .batch_norm import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    batch_norm_phase,
    inner_step,
)
from .containers import Flatten, Identity, Sequential
from .convolution import Conv2d
from .dropout import Dropout
from .embedding import Embedding
from .functional_call import assign_buffers, functional_call, reduced_buffers
from .linear import Linear
from .module import Module
from .normalization import LayerNorm
from .parameter import Buffer, Parameter
from .pooling import GlobalAveragePool2d, MaxPool2d
from .recurrent import GRU, LSTM

__all__ = [
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "functional_call",
    "reduced_buffers",
    "assign_buffers",
    "Linear",
    "Conv2d",
    "Embedding",
    "MultiHeadAttention",
    "LSTM",
    "GRU",
    "BatchNorm",
    "BatchNorm1d",
    "BatchNorm2d",
    "batch_norm_phase",
    "inner_step",
    "LayerNorm",
    "ReLU",
    "LeakyReLU",
    "GELU",
    "Tanh",
    "Sigmoid",
    "MaxPool2d",
    "AvgPool2d",
    "GlobalAveragePool2d",
    "Dropout",
    "Flatten",
    "Identity",
    "functional",
    "init",
]
