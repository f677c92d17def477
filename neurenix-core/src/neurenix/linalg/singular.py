"""Singular values and vectors, and what follows from them."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..dtypes import bfloat16, float16, float32, float64, int32
from ..errors import InvalidArgumentError, ShapeError
from ..functions.arithmetic import absolute, sqrt, stop_gradient, where
from ..functions.creation import zeros
from ..functions.indexing import take_along_axis
from ..functions.operands import beside, cast, floating
from ..functions.reduction import max as largest
from ..functions.reduction import sum as sum_over
from ..functions.shape import broadcast_to, concat, cut, expand_dims
from ..functions.sorting import argsort
from ..tensor import Tensor
from ..transforms.own_reverse import OwnReverse
from .householder import orthonormal, qr, tall
from .jacobi import orthogonal_columns
from .matrices import (
    by_columns,
    diagonal_matrix,
    matrices,
    over_gaps,
    product,
    transposed,
    wide,
)


class SVD(NamedTuple):
    """The result of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: Any, full_matrices: bool = True) -> SVD:
    """Orthonormal columns U, singular values S ≥ 0 from the largest to the smallest,
    and orthonormal rows Vh such that U diag(S) Vh = x [.., m, n].

    full_matrices   True: U [.., m, m] and Vh [.., n, n]; False: the first k = min(m, n)
                    columns of U and rows of Vh. S is [.., k]

    The sign of a pair of vectors is arbitrary. Derivatives hold where the singular
    values differ and none is 0, and are infinite or NaN elsewhere; those of `svdvals`
    also where some are equal. Vectors that complete a basis (full_matrices) count as
    constants.

    One-sided Jacobi, after the factors Q R. Derivative: Townsend 2016, Differentiating
    the Singular Value Decomposition.

    Raises ShapeError for what is no matrix.

    >>> import neurenix as nx
    >>> u, s, vh = nx.linalg.svd(nx.tensor([[3.0, 0.0], [0.0, -2.0]]))
    >>> s.tolist(), u.shape, vh.shape
    ([3.0, 2.0], (2, 2), (2, 2))
    """
    given = matrices("svd", x)
    a = wide(given)
    *_, m, n = a.shape
    if m >= n:
        u, s, v = _tall_svd(a)
    else:
        v, s, u = _tall_svd(transposed(a))
    if full_matrices:
        u, v = _completed(u), _completed(v)
    u, s, vh = (part.to(given.dtype) for part in (u, s, transposed(v)))
    return SVD(u, s, vh)


def svdvals(x: Any) -> Tensor:
    """The singular values [.., min(m, n)] of x, from the largest to the smallest. Where
    one is 0 it has a kink, and the derivative is one of those beside it.

    >>> import neurenix as nx
    >>> nx.linalg.svdvals(nx.tensor([[0.0, 3.0], [4.0, 0.0]])).tolist()
    [4.0, 3.0]
    """
    given = matrices("svdvals", x)
    a = wide(given)
    (s,) = _values(a if a.shape[-2] >= a.shape[-1] else transposed(a))
    return s.to(given.dtype)


def matrix_rank(x: Any, *, rtol: Any = None) -> Tensor:
    """The number of singular values that exceed rtol times the largest: int32 [..].

    rtol   a number, or one a matrix; without it max(m, n) times the spacing of the
           dtype at 1

    >>> import neurenix as nx
    >>> nx.linalg.matrix_rank(nx.tensor([[1.0, 2.0], [2.0, 4.0]])).item()
    1
    """
    x = matrices("matrix_rank", x)
    tolerance = _tolerance("matrix_rank", x, rtol)
    values = stop_gradient(svdvals(wide(x)))
    return sum_over(cast(values > _least(values, tolerance), int32), -1)


def pinv(x: Any, *, rtol: Any = None) -> Tensor:
    """The Moore–Penrose inverse [.., n, m] of x [.., m, n]; singular values up to rtol
    times the largest count as 0.

    rtol   a number, or one a matrix; without it max(m, n) times the spacing of the
           dtype at 1

    Its derivative holds where the rank stays what it is (Golub and Pereyra 1973).

    Raises InvalidArgumentError for a negative rtol, ShapeError for a wrong shape.

    >>> import neurenix as nx
    >>> inverse = nx.linalg.pinv(nx.tensor([[1.0], [1.0]]))
    >>> bool(nx.allclose(inverse, nx.tensor([[0.5, 0.5]])))
    True
    """
    given = matrices("pinv", x)
    (found,) = _pseudo_inverse(wide(given), _tolerance("pinv", given, rtol))
    return found.to(given.dtype)


# The spacing of numbers at 1.
_SPACING = {float64: 2.0**-52, float32: 2.0**-23, float16: 2.0**-10, bfloat16: 2.0**-7}


def _tolerance(name: str, x: Tensor, rtol: Any) -> Tensor:
    """rtol [.., 1] for matrices x, as their working dtype."""
    if rtol is None:
        rtol = max(x.shape[-2:]) * _SPACING[x.dtype]
    elif isinstance(rtol, bool) or (isinstance(rtol, (int, float)) and not rtol >= 0):
        raise InvalidArgumentError(f"{name}: rtol={rtol!r}; expected a number from 0")
    given = rtol if isinstance(rtol, Tensor) else beside(x, rtol)
    tolerance = floating(name, given).to(wide(x).dtype)
    lead = x.shape[:-2]
    if tolerance.shape not in ((), lead):
        raise ShapeError(
            f"{name}: rtol of shape {tolerance.shape}; expected a number, or one for "
            f"each matrix, {lead}"
        )
    return expand_dims(broadcast_to(tolerance, lead), -1)


def _least(values: Tensor, rtol: Tensor) -> Tensor:
    """The bound that a singular value must exceed to count, [.., 1]."""
    if not values.shape[-1]:
        return rtol
    return largest(values, -1, True) * rtol


# ---- the factors of tall matrices ----------------------------------------------------


def _factor(a: Tensor) -> list[Tensor]:
    """U [.., m, n], S [.., n] and V [.., n, n] of a [.., m, n], m ≥ n."""
    *lead, _, n = a.shape
    if n == 0:
        values, v = (zeros((*lead, *size), dtype=a.dtype) for size in ((0,), (0, 0)))
        return [a, values, v]
    size = largest(absolute(a), (-2, -1), True)
    scale = where(size > 0, size, 1.0)
    # Each factorisation brings the matrix nearer to its singular values in order.
    left, r = tall(a / scale)
    right, lower = tall(transposed(r))
    start = transposed(lower)
    turned = orthonormal(orthogonal_columns(start)[1])
    # Few rotations are left: none of the rounding of all the others.
    stretched, v = orthogonal_columns(product(start, turned), 2)
    lengths = sqrt(sum_over(stretched * stretched, -2))
    order = argsort(lengths, descending=True)
    u = product(left, orthonormal(_in_order(stretched, order)))
    values = take_along_axis(lengths, order, -1) * scale[..., 0]
    return [u, values, _in_order(product(right, turned, v), order)]


def _in_order(x: Tensor, order: Tensor) -> Tensor:
    """The columns of x [.., m, n], by their numbers [.., n]."""
    return take_along_axis(x, broadcast_to(expand_dims(order, -2), x.shape), -1)


def _reverse(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    """ā = U [(J + Jᵀ) S + diag(s̄) + S (K + Kᵀ)] Vᵀ + (I − U Uᵀ) ū S⁻¹ Vᵀ, with
    J_ij = (Uᵀ ū)_ij / (s_j² − s_i²), and K likewise of V."""
    (u, s, v), (gu, gs, gv) = outputs, cotangents
    along_u, along_v = product(transposed(u), gu), product(transposed(v), gv)
    squares = s * s
    j, k = over_gaps(along_u, squares), over_gaps(along_v, squares)
    inner = (
        by_columns(j + transposed(j), s)
        + diagonal_matrix(gs)
        + expand_dims(s, -1) * (k + transposed(k))
    )
    found = product(u, inner)
    if a.shape[-2] > a.shape[-1]:
        rest = gu - product(u, along_u)
        found = found + by_columns(rest, 1 / s)
    return product(found, transposed(v))


_tall_svd = OwnReverse("svd", _factor, _reverse)


def _reverse_of_values(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    u, _, v = _tall_svd(a)
    return product(by_columns(u, cotangents[0]), transposed(v))


_values = OwnReverse("svdvals", lambda a: _factor(a)[1:2], _reverse_of_values)


def _completed(u: Tensor) -> Tensor:
    """u [.., m, k] and any m − k further orthonormal columns."""
    *_, m, k = u.shape
    if m == k:
        return u
    q = qr(stop_gradient(u), "complete").Q
    return concat([u, stop_gradient(cut(q, q.ndim - 1, k, m))], -1)


# ---- the pseudo-inverse --------------------------------------------------------------


def _inverse(a: Tensor, rtol: Tensor) -> list[Tensor]:
    u, s, vh = svd(a, full_matrices=False)
    kept = s > _least(s, rtol)
    inverted = where(kept, 1 / where(kept, s, 1.0), 0.0)
    return [product(by_columns(transposed(vh), inverted), transposed(u))]


def _reverse_of_inverse(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    """ā = −Pᵀ p̄ Pᵀ + (I − a P) p̄ᵀ P Pᵀ + Pᵀ P p̄ᵀ (I − P a)."""
    (p,), (g,) = outputs, cotangents
    pt, gt = transposed(p), transposed(g)
    left = product(gt, p, pt)
    right = product(pt, p, gt)
    return (
        (left - product(a, p, left))
        + (right - product(right, p, a))
        - product(pt, g, pt)
    )


_pseudo_inverse = OwnReverse("pinv", _inverse, _reverse_of_inverse)
