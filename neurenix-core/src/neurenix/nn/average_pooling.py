"""The mean over windows of images."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ..errors import InvalidArgumentError, ShapeError
from ..functions.common import floating
from ..functions.shape import cut, pad
from ..primitives import ops
from ..tensor import Tensor
from .arguments import pair
from .module import Module


def _places(
    name: str, x: Any, kernel_size: Any, stride: Any, padding: Any
) -> list[Tensor]:
    """For each place in the window what all windows have there: slices, whose sum fuses
    with what stands around."""
    x = floating(name, x)
    kernel = pair(f"{name}: kernel_size", kernel_size)
    step = kernel if stride is None else pair(f"{name}: stride", stride)
    around = pair(f"{name}: padding", padding, 0)
    if 2 * around[0] > kernel[0] or 2 * around[1] > kernel[1]:
        raise InvalidArgumentError(
            f"{name}: padding={padding!r} is more than half of "
            f"kernel_size={kernel_size!r}"
        )
    if x.ndim < 2:
        raise ShapeError(f"{name}: an input of shape {x.shape}; expected [..., H, W]")
    if any(around):
        x = pad(x, [(0, 0)] * (x.ndim - 2) + [(n, n) for n in around])
    rows, columns = (
        (n - k) // s + 1 for n, k, s in zip(x.shape[-2:], kernel, step, strict=True)
    )
    if rows < 1 or columns < 1:
        raise ShapeError(
            f"{name}: a window of {kernel[0]}x{kernel[1]} does not fit "
            f"an image of {x.shape[-2]}x{x.shape[-1]}"
        )
    at = x.ndim - 2
    return [
        cut(
            cut(x, at, i, i + (rows - 1) * step[0] + 1, step[0]),
            at + 1,
            j,
            j + (columns - 1) * step[1] + 1,
            step[1],
        )
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]


def avg_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0
) -> Tensor:
    """The mean of each window: x [..., H, W] -> [..., H', W']; arguments, shapes and
    errors as of `max_pool2d`. Padding is of zeros, which count, as in PyTorch.

    >>> import neurenix as nx
    >>> nx.nn.functional.avg_pool2d(nx.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2).tolist()
    [[[2.5]]]
    """
    places = _places("avg_pool2d", x, kernel_size, stride, padding)
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
