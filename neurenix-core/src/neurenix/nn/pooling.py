"""Pooling over windows of images."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ..errors import InvalidArgumentError, ShapeError
from ..functions.common import floating
from ..functions.reduction import mean
from ..functions.shape import cut, pad
from ..primitives import ops
from ..tensor import Tensor
from .arguments import pair
from .module import Module


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Tensor:
    """The largest element of each window: x [..., H, W] -> [..., H', W'], with
    H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1; what no whole window covers is left
    out.

    kernel_size, stride (default: the kernel's size), padding (of −∞, at most half the
    kernel): an int, or one for height and one for width.

    Among equals the derivative goes to the first in row-major order. Raises ShapeError
    where no window fits.

    >>> import neurenix as nx
    >>> nx.nn.functional.max_pool2d(nx.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2).tolist()
    [[[4.0]]]
    """
    x = floating("max_pool2d", x)
    kernel = pair("max_pool2d: kernel_size", kernel_size)
    step = kernel if stride is None else pair("max_pool2d: stride", stride)
    around = pair("max_pool2d: padding", padding, 0)
    if 2 * around[0] > kernel[0] or 2 * around[1] > kernel[1]:
        raise InvalidArgumentError(
            f"max_pool2d: padding={padding!r} "
            f"is more than half of kernel_size={kernel_size!r}"
        )
    if x.ndim < 2:
        raise ShapeError(
            f"max_pool2d: an input of shape {x.shape}; expected [..., H, W]"
        )
    if any(around):
        x = pad(x, [(0, 0)] * (x.ndim - 2) + [(n, n) for n in around], float("-inf"))
    rows, columns = (
        (n - k) // s + 1 for n, k, s in zip(x.shape[-2:], kernel, step, strict=True)
    )
    if rows < 1 or columns < 1:
        raise ShapeError(
            f"max_pool2d: a window of {kernel[0]}x{kernel[1]} does not fit "
            f"an image of {x.shape[-2]}x{x.shape[-1]}"
        )
    at = x.ndim - 2
    if step == kernel:  # windows side by side: two more axes, and no copy
        x = cut(cut(x, at, 0, rows * step[0]), at + 1, 0, columns * step[1])
        shape = (*x.shape[:at], rows, kernel[0], columns, kernel[1])
        return ops.max(ops.reshape(x, shape=shape), axes=(at + 1, at + 3))
    # One slice for each place in the window, in row-major order, which ties follow.
    return reduce(
        _first_largest,
        (
            cut(
                cut(x, at, i, i + (rows - 1) * step[0] + 1, step[0]),
                at + 1,
                j,
                j + (columns - 1) * step[1] + 1,
                step[1],
            )
            for i in range(kernel[0])
            for j in range(kernel[1])
        ),
    )


def _first_largest(a: Tensor, b: Tensor) -> Tensor:
    """The larger of two, the first of equals; NaN wins."""
    first = ops.bitwise_or(ops.greater_equal(a, b), ops.not_equal(a, a))
    return ops.where(first, a, b)


def global_average_pool2d(x: Any) -> Tensor:
    """The mean over height and width: [..., H, W] -> [...]."""
    x = floating("global_average_pool2d", x)
    if x.ndim < 2:
        raise ShapeError(
            f"global_average_pool2d: an input of shape {x.shape}; expected [..., H, W]"
        )
    return mean(x, (x.ndim - 2, x.ndim - 1))


class MaxPool2d(Module):
    """`functional.max_pool2d` as a layer.

    >>> import neurenix as nx
    >>> nx.nn.MaxPool2d(2)(nx.ones(1, 1, 5, 5)).shape
    (1, 1, 2, 2)
    """

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = pair("MaxPool2d: kernel_size", kernel_size)
        self.stride = (
            self.kernel_size if stride is None else pair("MaxPool2d: stride", stride)
        )
        self.padding = pair("MaxPool2d: padding", padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        return max_pool2d(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}"


class GlobalAveragePool2d(Module):
    """The mean over height and width: [N, C, H, W] -> [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return global_average_pool2d(x)
