"""Functions that normalise each example by its own statistics, over groups of
channels."""

from __future__ import annotations

from typing import Any

from ...arguments import whole
from ...errors import InvalidArgumentError, ShapeError
from ...functions.arithmetic import rsqrt
from ...functions.operands import floating
from ...functions.shape import reshape
from ...tensor import Tensor
from .normalization import statistics_of


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
    groups = whole(name, "num_groups", num_groups, 1)
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
