"""Activations as layers."""

from __future__ import annotations

from ..arguments import between, whole
from ..functions import activation, arithmetic
from ..functions.creation import full
from ..tensor import Tensor
from . import functional
from .module import Module
from .parameter import Parameter


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
        self.negative_slope = between(
            "LeakyReLU", "negative_slope", negative_slope, float("-inf")
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


class SiLU(Module):
    """x · sigmoid(x), also called swish."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.silu(x)


class Softplus(Module):
    """log(1 + eˣ), without overflow."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.softplus(x)


class LogSigmoid(Module):
    """log sigmoid(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.log_sigmoid(x)


class ReLU6(Module):
    """min(max(x, 0), 6)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu6(x)


class Hardsigmoid(Module):
    """relu6(x + 3) / 6."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardsigmoid(x)


class Hardswish(Module):
    """x · relu6(x + 3) / 6."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardswish(x)


class Hardtanh(Module):
    """x limited to [−1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.hardtanh(x)


class Mish(Module):
    """x · tanh(softplus(x))."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.mish(x)


class SELU(Module):
    """1.0507 · x where x > 0, else 1.0507 · 1.6733 · (eˣ − 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.selu(x)


class Softsign(Module):
    """x / (1 + |x|)."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.softsign(x)


class ELU(Module):
    """x where x > 0, else alpha · (eˣ − 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = between("ELU", "alpha", alpha, float("-inf"))

    def forward(self, x: Tensor) -> Tensor:
        return activation.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha:g}"


class PReLU(Module):
    """x where x > 0, else weight · x, with a weight to learn.

    num_parameters   1 weight for all, or as many as there are channels [N, C, ...]
    init             what it starts from

    >>> import neurenix as nx
    >>> nx.nn.PReLU()(nx.tensor([-2.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters: int = whole("PReLU", "num_parameters", num_parameters, 1)
        start = between("PReLU", "init", init, float("-inf"))
        self.weight = Parameter(full((self.num_parameters,), start))

    def forward(self, x: Tensor) -> Tensor:
        return functional.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class _OverAxis(Module):
    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim: int = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_OverAxis):
    """eˣ / Σ eˣ along an axis, the last by default.

    >>> import neurenix as nx
    >>> nx.nn.Softmax(dim=1)(nx.zeros(1, 2)).tolist()
    [[0.5, 0.5]]
    """

    def forward(self, x: Tensor) -> Tensor:
        return activation.softmax(x, self.dim)


class LogSoftmax(_OverAxis):
    """x − logsumexp(x) along an axis, the last by default."""

    def forward(self, x: Tensor) -> Tensor:
        return activation.log_softmax(x, self.dim)


class GLU(_OverAxis):
    """a · sigmoid(b) of the two halves a and b of an axis, the last by default."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.glu(x, self.dim)
