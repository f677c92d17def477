"""Layers that normalise each example by its own statistics, over groups of channels."""

from __future__ import annotations

from ..arguments import between, whole
from ..errors import InvalidArgumentError, ShapeError
from ..functions.creation import ones, zeros
from ..tensor import Tensor
from . import functional
from .module import Module
from .parameter import Parameter


class GroupNorm(Module):
    """`functional.group_norm` with a weight (of ones) and a bias (of zeros) to learn.

    >>> import neurenix as nx
    >>> nx.nn.GroupNorm(2, 8)(nx.ones(3, 8, 5, 5)).shape
    (3, 8, 5, 5)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups: int = whole("GroupNorm", "num_groups", num_groups, 1)
        self.num_channels: int = whole("GroupNorm", "num_channels", num_channels, 1)
        if num_channels % num_groups:
            raise InvalidArgumentError(
                f"GroupNorm: num_groups={num_groups} does not divide "
                f"num_channels={num_channels}"
            )
        self.eps: float = between("GroupNorm", "eps", eps, 0.0)
        self.weight = Parameter(ones(num_channels)) if affine else None
        self.bias = Parameter(zeros(num_channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.group_norm(
            x, self.num_groups, self.weight, self.bias, self.eps
        )

    def extra_repr(self) -> str:
        affine = "" if self.weight is not None else ", affine=False"
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps:g}{affine}"


class InstanceNorm2d(Module):
    """`functional.instance_norm` of images [N, C, H, W]; with affine=True a weight and
    a bias to learn. No statistics are stored: training and evaluation are alike.

    >>> import neurenix as nx
    >>> nx.nn.InstanceNorm2d(3)(nx.ones(2, 3, 5, 5)).shape
    (2, 3, 5, 5)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, num_features: int, eps: float = 1e-5, affine: bool = False
    ) -> None:
        super().__init__()
        self.num_features: int = whole(
            "InstanceNorm2d", "num_features", num_features, 1
        )
        self.eps: float = between("InstanceNorm2d", "eps", eps, 0.0)
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ShapeError(
                f"InstanceNorm2d: an input of shape {x.shape}; "
                f"expected [N, {self.num_features}, H, W]"
            )
        return functional.instance_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = ", affine=True" if self.weight is not None else ""
        return f"{self.num_features}, eps={self.eps:g}{affine}"
