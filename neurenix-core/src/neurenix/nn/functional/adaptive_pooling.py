"""The function that averages images to a given size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arguments import pair
from ...errors import ShapeError
from ...functions.linear import matmul
from ...functions.operands import floating
from ...tensor import Tensor, literal
from .average_pooling import avg_pool2d


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """The mean over as many windows as asked for: x [..., H, W] -> [..., h, w]. Window
    i of h covers the rows from ⌊i·H/h⌋ to ⌈(i + 1)·H/h⌉, as PyTorch's.

    output_size   an int, or one for height and one for width

    >>> import neurenix as nx
    >>> nx.nn.functional.adaptive_avg_pool2d(nx.ones(1, 8, 5, 7), (2, 3)).shape
    (1, 8, 2, 3)
    """
    x = floating("adaptive_avg_pool2d", x)
    height, width = pair("adaptive_avg_pool2d", "output_size", output_size)
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
