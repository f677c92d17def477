"""Pooling layers: the maximum or the mean over windows of images and sequences."""

from __future__ import annotations

from typing import Any

from ..arguments import pair, single
from ..tensor import Tensor
from . import functional
from .module import Module


class MaxPool2d(Module):
    """`functional.max_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.MaxPool2d(2)(nx.ones(1, 1, 5, 5)).shape
    (1, 1, 2, 2)
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = pair("MaxPool2d", "kernel_size", kernel_size)
        self.stride = (
            self.kernel_size if stride is None else pair("MaxPool2d", "stride", stride)
        )
        self.padding = pair("MaxPool2d", "padding", padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class GlobalAveragePool2d(Module):
    """The mean over height and width: [N, C, H, W] -> [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.global_average_pool2d(x)


class AvgPool2d(Module):
    """`functional.avg_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.AvgPool2d(3, stride=2, padding=1)(nx.ones(1, 1, 5, 5)).shape
    (1, 1, 3, 3)
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = pair("AvgPool2d", "kernel_size", kernel_size)
        self.stride = (
            self.kernel_size if stride is None else pair("AvgPool2d", "stride", stride)
        )
        self.padding = pair("AvgPool2d", "padding", padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """`functional.adaptive_avg_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.AdaptiveAvgPool2d(1)(nx.ones(2, 8, 5, 5)).shape
    (2, 8, 1, 1)
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = pair("AdaptiveAvgPool2d", "output_size", output_size)

    def forward(self, x: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


class _Pool1d(Module):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        name = type(self).__name__
        (self.kernel_size,) = single(name, "kernel_size", kernel_size)
        given = self.kernel_size if stride is None else stride
        (self.stride,) = single(name, "stride", given)
        (self.padding,) = single(name, "padding", padding, 0)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_Pool1d):
    """`functional.max_pool1d` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool1d(x, self.kernel_size, self.stride, self.padding)


class AvgPool1d(_Pool1d):
    """`functional.avg_pool1d` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool1d(x, self.kernel_size, self.stride, self.padding)
