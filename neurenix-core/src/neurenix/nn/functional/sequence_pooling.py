"""Functions that pool over sequences, as over images of one row."""

from __future__ import annotations

from typing import Any

from ...arguments import single
from ...errors import ShapeError
from ...functions.operands import floating
from ...functions.shape import expand_dims, squeeze
from ...tensor import Tensor
from .average_pooling import avg_pool2d
from .pooling import max_pool2d


def _over_row(pool: Any, name: str, x: Any, sizes: tuple[Any, Any, Any]) -> Tensor:
    """Pools [..., L] as images of one row."""
    x = floating(name, x)
    kernel_size, stride, padding = sizes
    (kernel,) = single(name, "kernel_size", kernel_size)
    (step,) = (kernel,) if stride is None else single(name, "stride", stride)
    (around,) = single(name, "padding", padding, 0)
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
