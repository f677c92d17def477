"""Products of matrices and vectors that the standard has beside `linalg`."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..functions.axes import one_axis
from ..functions.linear import matmul
from ..functions.matrices import tensordot as _tensordot
from ..functions.reduction import sum as _sum
from ..functions.shape import permute
from ..tensor import Tensor


def matrix_transpose(x: Tensor, /) -> Tensor:
    return permute(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    return _tensordot(x1, x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Σ x1·x2 along one axis; the others broadcast."""
    sizes = [x.shape[one_axis("vecdot", axis, x.ndim)] for x in (x1, x2)]
    if sizes[0] != sizes[1]:
        raise ShapeError(
            f"vecdot: shapes {x1.shape} and {x2.shape} differ along axis {axis}"
        )
    return _sum(x1 * x2, axis)


__all__ = [
    "matmul",
    "matrix_transpose",
    "tensordot",
    "vecdot",
]
