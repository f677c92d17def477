"""Activations as layers."""

from __future__ import annotations

from ..functions import activation, arithmetic
from ..tensor import Tensor
from .arguments import number
from .module import Module


class ReLU(Module):
    """x where x > 0, else 0; its derivative at 0 is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.relu(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope · x.

    >>> import neurenix as nx
    >>> nx.nn.LeakyReLU(0.5)(nx.tensor([-2.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = number(
            "LeakyReLU: negative_slope", negative_slope, float("-inf")
        )

    def forward(self, x: Tensor) -> Tensor:
        return activation.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope:g}"


class GELU(Module):
    """x · Φ(x), with Φ the standard normal distribution function: `nx.gelu`."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.gelu(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = arithmetic.tanh(x)
        return result


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.sigmoid(x)
