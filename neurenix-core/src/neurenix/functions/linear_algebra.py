"""Factors of matrices, and what follows from them. Leading axes are a batch.

Nothing here looks at values: where a matrix is singular, or not positive definite, the
result holds infinities or NaN.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dtypes import int32
from ..errors import ShapeError
from ..primitives import ops
from ..primitives.broadcasting import broadcast_shapes
from ..primitives.primitive import literal
from ..tensor import Tensor
from .arrangement import swapaxes
from .matrices import diagonal, triu
from .operands import beside, cast, floating, operands
from .reduction import prod
from .reduction import sum as sum_over
from .shape import broadcast_to


def _square(name: str, a: Any) -> Tensor:
    a = floating(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"{name}: shape {a.shape}; expected square matrices [.., n, n]"
        )
    return a


def cholesky(a: Any) -> Tensor:
    """The lower triangle L with L Lᵀ = a, for a symmetric positive definite; NaN for
    others. It reads a's lower triangle alone, so that the derivative lies there.

    >>> import neurenix as nx
    >>> nx.cholesky(nx.tensor([[4.0, 2.0], [2.0, 2.0]])).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    return ops.cholesky(_square("cholesky", a))


def triangular_solve(
    a: Any,
    b: Any,
    *,
    lower: bool = True,
    transpose: bool = False,
    unit_diagonal: bool = False,
) -> Tensor:
    """x with a x = b, or aᵀ x = b, for a triangle a [.., n, n], whose other elements
    are not read; b is a vector [n] or matrices [.., n, k].

    >>> import neurenix as nx
    >>> nx.triangular_solve(nx.tensor([[2.0, 0.0], [1.0, 1.0]]), [2.0, 3.0]).tolist()
    [1.0, 2.0]
    """
    matrix, right, vector = _sides("triangular_solve", a, b)
    x = ops.triangular_solve(
        matrix, right, lower=lower, transpose=transpose, unit_diagonal=unit_diagonal
    )
    return _column(x) if vector else x


def _sides(name: str, a: Any, b: Any) -> tuple[Tensor, Tensor, bool]:
    """a, b as matrices of one batch, and whether b was a vector."""
    a, b = (floating(name, v) for v in operands(name, a, b))
    a = _square(name, a)
    vector = b.ndim == 1
    right = ops.reshape(b, shape=(*b.shape, 1)) if vector else b
    if right.ndim < 2 or right.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"{name}: shapes {a.shape} and {b.shape}; expected [.., n, n] with [n] or "
            "[.., n, k]"
        )
    lead = broadcast_shapes(name, [a.shape[:-2], right.shape[:-2]])
    a = broadcast_to(a, (*lead, *a.shape[-2:]))
    return a, broadcast_to(right, (*lead, *right.shape[-2:])), vector


def _column(x: Tensor) -> Tensor:
    return ops.reshape(x, shape=x.shape[:-1])


def solve(a: Any, b: Any) -> Tensor:
    """x with a x = b, by LU with partial pivoting; b is a vector [n] or matrices
    [.., n, k]. A singular matrix gives infinities or NaN.

    >>> import neurenix as nx
    >>> nx.solve(nx.tensor([[0.0, 2.0], [1.0, 0.0]]), [4.0, 3.0]).tolist()
    [3.0, 2.0]
    """
    matrix, right, vector = _sides("solve", a, b)
    x = _solved(matrix, right)
    return _column(x) if vector else x


def _solved(a: Tensor, b: Tensor) -> Tensor:
    packed, order = ops.lu(a)
    at = a.ndim - 2
    rows = ops.gather(b, order, axis=at, batch=at)
    y = ops.triangular_solve(
        packed, rows, lower=True, transpose=False, unit_diagonal=True
    )
    return ops.triangular_solve(
        packed, y, lower=False, transpose=False, unit_diagonal=False
    )


def identity(a: Tensor) -> Tensor:
    """The identity matrix for a batch of square matrices: of their size, on their
    device."""
    return beside(a, np.eye(a.shape[-1]), a.dtype)


def inv(a: Any) -> Tensor:
    """The inverse. To solve with a matrix, `solve` is faster and more accurate.

    >>> import neurenix as nx
    >>> nx.inv(nx.tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    a = _square("inv", a)
    return _solved(a, broadcast_to(identity(a), a.shape))


def det(a: Any) -> Tensor:
    """The determinant. Its derivative is NaN where the matrix is singular.

    >>> import neurenix as nx
    >>> nx.det(nx.tensor([[0.0, 2.0], [3.0, 0.0]])).item()
    -6.0
    """
    packed, order = ops.lu(_square("det", a))
    return prod(diagonal(packed, 0, -2, -1), -1) * _sign(order, packed)


class SignAndLogarithm(NamedTuple):
    """The result of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(a: Any) -> SignAndLogarithm:
    """The determinant's sign, and the logarithm of its absolute value, which does not
    overflow; 0 and −inf for a singular matrix.

    >>> import neurenix as nx
    >>> sign, logarithm = nx.slogdet(nx.tensor([[0.0, 1.0], [1.0, 0.0]]))
    >>> sign.item(), logarithm.item()
    (-1.0, 0.0)
    """
    packed, order = ops.lu(_square("slogdet", a))
    on = diagonal(packed, 0, -2, -1)
    sign = prod(ops.sign(on), -1) * _sign(order, packed)
    return SignAndLogarithm(sign, sum_over(ops.log(ops.abs(on)), -1))


def _sign(order: Tensor, like: Tensor) -> Tensor:
    """1 for an even permutation, −1 for an odd one: by the pairs in reversed order."""
    column = ops.reshape(order, shape=(*order.shape, 1))
    reversed_pairs = ops.greater(column, swapaxes(column, -1, -2))
    count = sum_over(triu(cast(reversed_pairs, int32), 1), (-2, -1))
    odd = ops.remainder(count, literal(2, int32))
    return cast(1 - 2 * odd, like.dtype)
