"""Checks and short products of matrices [.., m, n], for the factorisations."""

from __future__ import annotations

from typing import Any

from ..dtypes import float32, float64
from ..errors import ShapeError
from ..functions.arithmetic import where
from ..functions.arrangement import swapaxes
from ..functions.creation import arange, eye
from ..functions.linear import matmul
from ..functions.matrices import diagonal
from ..functions.operands import floating
from ..functions.shape import expand_dims
from ..tensor import Tensor


def matrices(name: str, x: Any) -> Tensor:
    """x [.., m, n]; ShapeError for what is no matrix."""
    x = floating(name, x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: shape {x.shape}; expected matrices [.., m, n]")
    return x


def square(name: str, x: Any) -> Tensor:
    """x [.., n, n]; ShapeError for other matrices."""
    x = matrices(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"{name}: shape {x.shape}; expected square matrices [.., n, n]"
        )
    return x


def wide(x: Tensor) -> Tensor:
    """Half types are worked on in float32."""
    return x if x.dtype in (float32, float64) else x.to(float32)


def transposed(x: Tensor) -> Tensor:
    return swapaxes(x, -1, -2)


def diagonal_of(x: Tensor) -> Tensor:
    return diagonal(x, 0, -2, -1)


def diagonal_matrix(x: Tensor) -> Tensor:
    """[.., n] -> [.., n, n]."""
    return expand_dims(x, -1) * eye(x.shape[-1], dtype=x.dtype)


def product(*factors: Tensor) -> Tensor:
    """The product of matrices, from the left."""
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


def by_columns(x: Tensor, scales: Tensor) -> Tensor:
    """The columns of x [.., m, n] times scales [.., n]."""
    return x * expand_dims(scales, -2)


def over_gaps(x: Tensor, values: Tensor) -> Tensor:
    """x_ij / (values_j − values_i), and 0 on the diagonal. Where two values are equal
    the derivative of their vectors does not exist: infinite or NaN."""
    ramp = arange(values.shape[-1])
    same = expand_dims(ramp, 0) == expand_dims(ramp, 1)
    gaps = expand_dims(values, -2) - expand_dims(values, -1)
    return where(same, 0.0, x / where(same, 1.0, gaps))
