"""Eigenvalues and eigenvectors of symmetric matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..functions.arithmetic import absolute, where
from ..functions.creation import zeros
from ..functions.indexing import take_along_axis
from ..functions.matrices import tril
from ..functions.reduction import max as largest
from ..functions.shape import broadcast_to, expand_dims
from ..functions.sorting import argsort
from ..tensor import Tensor
from ..transforms.own_reverse import OwnReverse
from .householder import orthonormal, tall
from .jacobi import diagonalised
from .matrices import (
    diagonal_matrix,
    diagonal_of,
    over_gaps,
    product,
    square,
    transposed,
    wide,
)


class Eigen(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: Any) -> Eigen:
    """Eigenvalues w [.., n] from the smallest to the largest, and orthonormal
    eigenvectors, the columns of V [.., n, n], of symmetric x: x V = V diag(w).

    It reads x's lower triangle alone, so that the derivative lies there. The sign of an
    eigenvector is arbitrary. Derivatives hold where the eigenvalues differ, and are
    infinite or NaN elsewhere; those of `eigvalsh` hold everywhere.

    Jacobi's rotations. Derivative: Giles 2008, Collected Matrix Derivative Results for
    Forward and Reverse Mode, section 3.1.

    Raises ShapeError for what is no square matrix.

    >>> import neurenix as nx
    >>> w, v = nx.linalg.eigh(nx.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> bool(nx.allclose(w, nx.tensor([1.0, 3.0]))), v.shape
    (True, (2, 2))
    """
    given = square("eigh", x)
    a = wide(given)
    w, v = _eigen(_mirrored(a))
    return Eigen(w.to(given.dtype), v.to(given.dtype))


def eigvalsh(x: Any) -> Tensor:
    """The eigenvalues [.., n] of symmetric x, from the smallest to the largest.

    >>> import neurenix as nx
    >>> w = nx.linalg.eigvalsh(nx.tensor([[0.0, 2.0], [2.0, 0.0]]))
    >>> bool(nx.allclose(w, nx.tensor([-2.0, 2.0])))
    True
    """
    given = square("eigvalsh", x)
    (w,) = _values(_mirrored(wide(given)))
    return w.to(given.dtype)


def _factor(a: Tensor) -> list[Tensor]:
    *lead, n, _ = a.shape
    if n == 0:
        return [zeros((*lead, 0), dtype=a.dtype), a]
    size = largest(absolute(a), (-2, -1), True)
    scale = where(size > 0, size, 1.0)
    scaled = a / scale
    # Two steps of the QR algorithm bring large eigenvalues before small ones, without
    # which graded matrices take many sweeps.
    first, _ = tall(scaled)
    second, _ = tall(_in_basis(scaled, first))
    start = product(first, second)
    turned = orthonormal(product(start, diagonalised(_in_basis(scaled, start))[1]))
    # Few rotations are left: none of the rounding of all the others.
    d, rest = diagonalised(_in_basis(scaled, turned), 2)
    v, values = product(turned, rest), diagonal_of(d)
    order = argsort(values)
    columns = broadcast_to(expand_dims(order, -2), v.shape)
    w = take_along_axis(values, order, -1) * scale[..., 0]
    return [w, take_along_axis(v, columns, -1)]


def _mirrored(a: Tensor) -> Tensor:
    """The lower triangle, and above the diagonal its mirror image."""
    return tril(a) + transposed(tril(a, -1))


def _symmetric(a: Tensor) -> Tensor:
    return (a + transposed(a)) * 0.5


def _in_basis(a: Tensor, v: Tensor) -> Tensor:
    return _symmetric(product(transposed(v), a, v))


def _reverse(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    """ā = V [diag(w̄) + J] Vᵀ with J_ij = (Vᵀ v̄)_ij / (w_j − w_i)."""
    (w, v), (gw, gv) = outputs, cotangents
    inner = diagonal_matrix(gw) + over_gaps(product(transposed(v), gv), w)
    return product(v, inner, transposed(v))


_eigen = OwnReverse("eigh", _factor, _reverse)


def _reverse_of_values(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    _, v = _eigen(a)
    return product(v, diagonal_matrix(cotangents[0]), transposed(v))


_values = OwnReverse("eigvalsh", lambda a: _factor(a)[:1], _reverse_of_values)
