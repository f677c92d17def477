"""Pooling to a given size, and over sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..functions.common import floating
from ..functions.linear import matmul
from ..functions.shape import expand_dims, squeeze
from ..tensor import Tensor, literal
from .arguments import pair, single
from .average_pooling import avg_pool2d
from .module import Module
from .pooling import max_pool2d


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """The mean over as many windows as asked for: x [..., H, W] -> [..., h, w]. Window
    i of h covers the rows from ⌊i·H/h⌋ to ⌈(i + 1)·H/h⌉, as PyTorch's.

    output_size   an int, or one for height and one for width

    >>> import neurenix as nx
    >>> nx.nn.functional.adaptive_avg_pool2d(nx.ones(1, 8, 5, 7), (2, 3)).shape
    (1, 8, 2, 3)
    """
    x = floating("adaptive_avg_pool2d", x)
    height, width = pair("adaptive_avg_pool2d: output_size", output_size)
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise ShapeError(
            f"adaptive_avg_pool2d: an input of shape {x.shape}; expected [..., H, W]"
        )
    rows = x.shape[-2] // height, x.shape[-1] // width
    if (rows[0] * height, rows[1] * width) == x.shape[-2:]:  # windows side by side
        return avg_pool2d(x, rows)
    down, across = (
        literal(_averages(n, k), x.dtype)
        for n, k in zip(x.shape[-2:], (height, width), strict=True)
    )
    return matmul(matmul(down, x), across.T)


def _averages(size: int, windows: int) -> Any:
    """[windows, size]: each row takes the mean over its window."""
    i = np.arange(windows)[:, None]
    start, stop = i * size // windows, -(-(i + 1) * size // windows)
    at = np.arange(size)
    return ((at >= start) & (at < stop)) / (stop - start)


def _over_row(pool: Any, name: str, x: Any, sizes: tuple[Any, Any, Any]) -> Tensor:
    """Of [..., L] as images of one row."""
    x = floating(name, x)
    kernel_size, stride, padding = sizes
    (kernel,) = single(f"{name}: kernel_size", kernel_size)
    (step,) = (kernel,) if stride is None else single(f"{name}: stride", stride)
    (around,) = single(f"{name}: padding", padding, 0)
    if x.ndim < 1 or x.shape[-1] + 2 * around < kernel:
        raise ShapeError(
            f"{name}: a window of {kernel} does not fit an input of shape {x.shape}"
        )
    found: Tensor = pool(expand_dims(x, -2), (1, kernel), (1, step), (0, around))
    return squeeze(found, -2)


def max_pool1d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Tensor:
    """`max_pool2d` over sequences: [..., L] -> [..., L'].

    >>> import neurenix as nx
    >>> nx.nn.functional.max_pool1d(nx.tensor([[1.0, 3.0, 2.0, 0.0]]), 2).tolist()
    [[3.0, 2.0]]
    """
    return _over_row(max_pool2d, "max_pool1d", x, (kernel_size, stride, padding))


def avg_pool1d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Tensor:
    """`avg_pool2d` over sequences: [..., L] -> [..., L'].

    >>> import neurenix as nx
    >>> nx.nn.functional.avg_pool1d(nx.tensor([[1.0, 3.0, 2.0, 0.0]]), 2).tolist()
    [[2.0, 1.0]]
    """
    return _over_row(avg_pool2d, "avg_pool1d", x, (kernel_size, stride, padding))


class AdaptiveAvgPool2d(Module):
    """`functional.adaptive_avg_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.AdaptiveAvgPool2d(1)(nx.ones(2, 8, 5, 5)).shape
    (2, 8, 1, 1)
    """

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = pair("AdaptiveAvgPool2d: output_size", output_size)

    def forward(self, x: Tensor) -> Tensor:
        return adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


class _Pool1d(Module):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        name = type(self).__name__
        (self.kernel_size,) = single(f"{name}: kernel_size", kernel_size)
        given = self.kernel_size if stride is None else stride
        (self.stride,) = single(f"{name}: stride", given)
        (self.padding,) = single(f"{name}: padding", padding, 0)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(_Pool1d):
    """`functional.max_pool1d` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return max_pool1d(x, self.kernel_size, self.stride, self.padding)


class AvgPool1d(_Pool1d):
    """`functional.avg_pool1d` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool1d(x, self.kernel_size, self.stride, self.padding)
