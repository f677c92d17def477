"""The layer that multiplies with a matrix."""

from __future__ import annotations

import math

from ..arguments import whole
from ..functions.creation import zeros
from ..tensor import Tensor
from . import functional, init
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """y = x Wᵀ + b: [..., in_features] -> [..., out_features].

    weight [out_features, in_features] and bias [out_features] start from
    U(±1/√in_features), as PyTorch's.

    Raises InvalidArgumentError for sizes below 1, ShapeError for another last axis.

    >>> import neurenix as nx
    >>> nx.nn.Linear(3, 2)(nx.ones(5, 3)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features: int = whole("Linear", "in_features", in_features, 1)
        self.out_features: int = whole("Linear", "out_features", out_features, 1)
        self.weight = init.kaiming_uniform_(
            Parameter(zeros(out_features, in_features)), math.sqrt(5.0)
        )
        bound = 1.0 / math.sqrt(in_features)
        self.bias = (
            init.uniform_(Parameter(zeros(out_features)), -bound, bound)
            if bias
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + (
            "" if self.bias is not None else ", bias=False"
        )
