"""Normalisation of each example by its own statistics, over groups of channels."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgumentError, ShapeError
from ..functions.arithmetic import rsqrt
from ..functions.common import floating
from ..functions.creation import ones, zeros
from ..functions.shape import reshape
from ..tensor import Tensor
from .arguments import number, whole
from .module import Module
from .normalization import statistics_of
from .parameter import Parameter


def group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """(x − mean) / √(variance + eps) · weight + bias: x [N, C, ...], whose channels are
    cut into groups; mean and (biased) variance are those of each example's group,
    weight and bias [C] of the channel.

    Raises ShapeError for shapes that do not go together, InvalidArgumentError where the
    groups do not divide the channels. Wu & He 2018.

    >>> import neurenix as nx
    >>> x = nx.tensor([[1.0, 3.0, 10.0, 30.0]])
    >>> nx.nn.functional.group_norm(x, 2, eps=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    return _normalized("group_norm", x, num_groups, weight, bias, eps)


def instance_norm(
    x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """`group_norm` with a group for each channel: x [N, C, ...], normalised over all
    axes but the first two.

    >>> import neurenix as nx
    >>> x = nx.tensor([[[1.0, 3.0], [10.0, 30.0]]])
    >>> nx.nn.functional.instance_norm(x, eps=0.0).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    x = floating("instance_norm", x)
    if x.ndim < 3:
        raise ShapeError(
            f"instance_norm: an input of shape {x.shape}; expected [N, C, ...]"
        )
    return _normalized("instance_norm", x, x.shape[1], weight, bias, eps)


def _normalized(
    name: str, x: Any, num_groups: int, weight: Any, bias: Any, eps: float
) -> Tensor:
    x = floating(name, x)
    groups = whole(f"{name}: num_groups", num_groups)
    if x.ndim < 2:
        raise ShapeError(f"{name}: an input of shape {x.shape}; expected [N, C, ...]")
    n, channels = x.shape[:2]
    if channels % groups:
        raise InvalidArgumentError(
            f"{name}: num_groups={groups} does not divide the {channels} channels of "
            f"an input of shape {x.shape}"
        )
    for what, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.shape != (channels,):
            raise ShapeError(
                f"{name}: a {what} of shape {value.shape} for {channels} channels"
            )
    rows = reshape(x, (n, groups, x.type.size // max(n * groups, 1)))
    _, variance, centred, moved = statistics_of(rows, (2,))
    y = reshape((centred - moved) * rsqrt(variance + eps), x.shape)
    beside = (channels, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * reshape(weight, beside)
    return y if bias is None else y + reshape(bias, beside)


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
        self.num_groups: int = whole("GroupNorm: num_groups", num_groups)
        self.num_channels: int = whole("GroupNorm: num_channels", num_channels)
        if num_channels % num_groups:
            raise InvalidArgumentError(
                f"GroupNorm: num_groups={num_groups} does not divide "
                f"num_channels={num_channels}"
            )
        self.eps: float = number("GroupNorm: eps", eps, 0.0)
        self.weight = Parameter(ones(num_channels)) if affine else None
        self.bias = Parameter(zeros(num_channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

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
        self.num_features: int = whole("InstanceNorm2d: num_features", num_features)
        self.eps: float = number("InstanceNorm2d: eps", eps, 0.0)
        self.weight = Parameter(ones(num_features)) if affine else None
        self.bias = Parameter(zeros(num_features)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.num_features:
            raise ShapeError(
                f"InstanceNorm2d: an input of shape {x.shape}; "
                f"expected [N, {self.num_features}, H, W]"
            )
        return instance_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = ", affine=True" if self.weight is not None else ""
        return f"{self.num_features}, eps={self.eps:g}{affine}"
