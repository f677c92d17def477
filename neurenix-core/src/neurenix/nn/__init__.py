"""Networks: modules, parameters, layers, losses and initial values. The files beside
`functional/` hold modules, the files in it the functions that these call."""

from typing import TYPE_CHECKING

from .. import foreign_names as _foreign_names
from .. import missing as _missing
from . import functional, init
from .activation import (
    ELU,
    GELU,
    GLU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from .attention import MultiHeadAttention
from .batch_norm import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    batch_norm_phase,
    inner_step,
)
from .containers import Flatten, Identity, Sequential, Unflatten
from .convolution import Conv1d, Conv2d, ConvTranspose2d
from .dropout import Dropout, Dropout2d
from .embedding import Embedding
from .functional_call import assign_buffers, functional_call, reduced_buffers
from .group_norm import GroupNorm, InstanceNorm2d
from .layer_norm import LayerNorm
from .linear import Linear
from .losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Module
from .module_containers import ModuleDict, ModuleList, ParameterDict, ParameterList
from .parameter import Buffer, Parameter
from .pooling import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    GlobalAveragePool2d,
    MaxPool1d,
    MaxPool2d,
)
from .recurrent import GRU, LSTM
from .summary import Summary, summary

__all__ = [
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
    "summary",
    "Summary",
    "functional_call",
    "reduced_buffers",
    "assign_buffers",
    "Linear",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
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
    "GroupNorm",
    "InstanceNorm2d",
    "ReLU",
    "LeakyReLU",
    "GELU",
    "Tanh",
    "Sigmoid",
    "SiLU",
    "ELU",
    "SELU",
    "Mish",
    "ReLU6",
    "PReLU",
    "Hardtanh",
    "Hardsigmoid",
    "Hardswish",
    "Softplus",
    "Softsign",
    "LogSigmoid",
    "Softmax",
    "LogSoftmax",
    "GLU",
    "MaxPool1d",
    "MaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "AdaptiveAvgPool2d",
    "GlobalAveragePool2d",
    "Dropout",
    "Dropout2d",
    "CrossEntropyLoss",
    "NLLLoss",
    "MSELoss",
    "L1Loss",
    "SmoothL1Loss",
    "HuberLoss",
    "BCELoss",
    "BCEWithLogitsLoss",
    "KLDivLoss",
    "Flatten",
    "Unflatten",
    "Identity",
    "functional",
    "init",
]

if not TYPE_CHECKING:  # to a type checker every name would exist
    __getattr__ = _missing.of_module(__name__, _foreign_names.NN)
