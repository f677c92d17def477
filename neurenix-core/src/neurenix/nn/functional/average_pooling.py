"""The function that takes the mean over windows of images."""

from __future__ import annotations

from functools import reduce
from typing import Any

from ...primitives import ops
from ...tensor import Tensor
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
