"""Neurenix: meta-learning on a tensor and autograd core of its own."""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)

from . import autograd, backends, dtypes, errors, functions, random, tree
from .autograd import grad_function as grad
from .autograd import jvp, value_and_grad, vjp
from .devices import Device, DeviceType
from .dispatch import no_grad
from .dtypes import bfloat16, float16, float32, float64, int32, int64, uint8, uint32
from .dtypes import bool_ as bool
from .functions.activation import leaky_relu, log_softmax, relu, sigmoid, softmax
from .functions.arithmetic import (
    absolute, add, atan, atan2, clip, cos, divide, equal, erf, exp, floor, floor_divide, greater,
    greater_equal, isfinite, isnan, less, less_equal, log, log1p, logical_and, logical_not, logical_or,
    maximum, minimum, multiply, negative, not_equal, power, remainder, round, rsqrt, sign, sin, sqrt,
    square, stop_gradient, subtract, tan, tanh, where,
)  # fmt: skip
from .functions.creation import (
    arange, eye, full, full_like, linspace, one_hot, ones, ones_like, zeros, zeros_like,
)  # fmt: skip
from .functions.indexing import take, take_along_axis
from .functions.linear import dot, matmul
from .functions.reduction import all, any, argmax, argmin, logsumexp, max, mean, min, norm, sum, var
from .functions.shape import (
    broadcast_to, concat, expand_dims, flatten, flip, moveaxis, pad, permute, reshape, split, squeeze,
    stack, transpose,
)  # fmt: skip
from .random import Generator, manual_seed, normal, rand, randn, uniform
from .settings import current_device, get_device_count, init
from .tensor import Cell, Tensor, tensor
from .transforms import Compiled, compile, constant, map, scan, vmap
from . import nn, optim  # isort: skip
from .io import load, save  # isort: skip

__version__ = "0.1.0"
