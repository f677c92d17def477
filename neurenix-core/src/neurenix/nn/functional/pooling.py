"""Functions that take the maximum over windows of images, or the mean over each
image."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ...errors import ShapeError
from ...functions.operands import floating
from ...functions.reduction import mean
from ...functions.shape import cut
from ...primitives import ops
from ...tensor import Tensor
from .windows import windows


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
    found = windows("max_pool2d", x, kernel_size, stride, padding, float("-inf"))
    image, kernel, step, rows, columns = found
    if step != kernel:  # ties follow the places' row-major order
        return reduce(_first_largest, found.places())
    # windows side by side: two more axes, and no copy
    at = image.ndim - 2
    image = cut(cut(image, at, 0, rows * step[0]), at + 1, 0, columns * step[1])
    shape = (*image.shape[:at], rows, kernel[0], columns, kernel[1])
    return ops.max(ops.reshape(image, shape=shape), axes=(at + 1, at + 3))


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
