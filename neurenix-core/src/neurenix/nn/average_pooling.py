"""The mean over windows of images."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ..primitives import ops
from ..tensor import Tensor
from .arguments import pair
from .module import Module
from .windows import windows


def avg_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Tensor:
    """The mean of each window: x [..., H, W] -> [..., H', W']; arguments, shapes and
    errors as of `max_pool2d`. Padding is of zeros, which count, as in PyTorch.

    >>> import neurenix as nx
    >>> nx.nn.functional.avg_pool2d(nx.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2).tolist()
    [[[2.5]]]
    """
    places = windows("avg_pool2d", x, kernel_size, stride, padding, 0.0).places()
    return reduce(ops.add, places) * (1.0 / len(places))


class AvgPool2d(Module):
    """`functional.avg_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.AvgPool2d(3, stride=2, padding=1)(nx.ones(1, 1, 5, 5)).shape
    (1, 1, 3, 3)
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = pair("AvgPool2d: kernel_size", kernel_size)
        self.stride = (
            self.kernel_size if stride is None else pair("AvgPool2d: stride", stride)
        )
        self.padding = pair("AvgPool2d: padding", padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"
