"""The factors Q R of a matrix, by Householder's reflections."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import InvalidArgumentError
from ..functions.arithmetic import absolute, sqrt, stop_gradient, where
from ..functions.creation import arange, eye, zeros
from ..functions.indexing import take
from ..functions.linear_algebra import triangular_solve
from ..functions.matrices import tril, triu
from ..functions.reduction import max as largest
from ..functions.reduction import sum as sum_over
from ..functions.shape import broadcast_to, concat, cut, expand_dims, flip, pad
from ..tensor import Tensor
from ..transforms.mapping import scan
from ..transforms.own_reverse import OwnReverse
from .matrices import by_columns, diagonal_of, matrices, product, transposed, wide


class QR(NamedTuple):
    """The result of `qr`."""

    Q: Tensor
    R: Tensor


def qr(x: Any, mode: str = "reduced") -> QR:
    """Q with orthonormal columns and an upper triangle R such that Q R = x [.., m, n].

    mode   "reduced": Q [.., m, k] and R [.., k, n] with k = min(m, n); "complete":
           Q [.., m, m] and R [.., m, n]

    R's diagonal may be negative, as LAPACK's. Derivatives hold where the first k
    columns of x are linearly independent, and are infinite or NaN elsewhere. The
    columns that "complete" adds are any that complete the basis: they count as
    constants.

    Derivative for m ≥ n: Seeger et al. 2017, https://arxiv.org/abs/1710.08717.

    Raises ShapeError for what is no matrix, InvalidArgumentError for another mode.

    >>> import neurenix as nx
    >>> x = nx.tensor([[3.0, 1.0], [4.0, 2.0]])
    >>> q, r = nx.linalg.qr(x)
    >>> bool(nx.allclose(q @ r, x)), r[1, 0].item()
    (True, 0.0)
    """
    if mode not in ("reduced", "complete"):
        raise InvalidArgumentError(
            f'qr: mode={mode!r}; expected "reduced" or "complete"'
        )
    given = matrices("qr", x)
    a = wide(given)
    *lead, m, n = a.shape
    if n <= m:
        q, r = tall(a)
    else:
        q, left = tall(cut(a, a.ndim - 1, 0, m))
        right = product(transposed(q), cut(a, a.ndim - 1, m, n))
        r = concat([left, right], -1)
    if mode == "complete" and m > n:
        (full,) = _complete(a)
        more = stop_gradient(cut(full, full.ndim - 1, n, m))
        q = concat([q, more], -1)
        r = pad(r, [(0, 0)] * len(lead) + [(0, m - n), (0, 0)])
    return QR(q.to(given.dtype), r.to(given.dtype))


def tall(a: Tensor) -> tuple[Tensor, Tensor]:
    """Q [.., m, n] and R [.., n, n] of a [.., m, n] with m ≥ n, float32 or float64."""
    q, r = _tall(a)
    return q, r


def orthonormal(a: Tensor) -> Tensor:
    """Columns along those of a [.., m, n], whose columns are orthogonal but for
    rounding, the longest first; what completes the basis where they are 0. It has no
    derivative of its own."""
    unit, r = _tall(a)
    return by_columns(unit, where(diagonal_of(r) < 0, -1.0, 1.0).to(a.dtype))


def _reflections(a: Tensor) -> tuple[Tensor, Tensor]:
    """R [.., m, n], and u [n, .., m] such that (I − u uᵀ) of the last one, then of the
    one before it, and so on, of R is a."""
    m, n = a.shape[-2:]
    rows = arange(m)

    def reflect(r: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        column = where(rows >= j, take(r, j, -1), 0.0)
        # squares of what is scaled so neither overflow nor vanish
        size = largest(absolute(column), -1, True)
        column = column / where(size > 0, size, 1.0)
        below = sum_over(where(rows > j, column * column, 0.0), -1, True)
        pivot = sum_over(where(rows == j, column, 0.0), -1, True)
        length = sqrt(below + pivot * pivot)
        v = where(rows == j, column + where(pivot < 0, -length, length), column)
        # where nothing stands below the pivot there is nothing to reflect
        # (NaN is something)
        done = below == 0
        squares = where(done, 1.0, sum_over(v * v, -1, True))
        u = where(done, 0.0, v * sqrt(2.0 / squares))
        return r - _outer(u, product(expand_dims(u, -2), r)), u

    r, us = scan(reflect, a, arange(n))
    return triu(r), us


def _outer(u: Tensor, row: Tensor) -> Tensor:
    return expand_dims(u, -1) * row


def _q(us: Tensor, m: int, columns: int) -> Tensor:
    """The first columns of the product of all reflections."""

    def reflect(q: Tensor, u: Tensor) -> tuple[Tensor, None]:
        return q - _outer(u, product(expand_dims(u, -2), q)), None

    start = broadcast_to(
        cut(eye(m, dtype=us.dtype), 1, 0, columns), (*us.shape[1:-1], m, columns)
    )
    q, _ = scan(reflect, start, flip(us, 0))
    return q


def _factor(a: Tensor) -> list[Tensor]:
    *lead, m, n = a.shape
    if n == 0:
        return [zeros(a.shape, dtype=a.dtype), zeros((*lead, 0, 0), dtype=a.dtype)]
    r, us = _reflections(a)
    return [_q(us, m, n), cut(r, r.ndim - 2, 0, n)]


def _reverse(a: Tensor, outputs: Any, cotangents: Any) -> Tensor:
    """ā = (q̄ + Q copyltu(R r̄ᵀ − q̄ᵀ Q)) R⁻ᵀ, with copyltu(M) the lower triangle of M and
    its mirror image above."""
    (q, r), (gq, gr) = outputs, cotangents
    m = product(r, transposed(gr)) - product(transposed(gq), q)
    low = tril(m, -1)
    inner = gq + product(q, tril(m) + transposed(low))
    return transposed(triangular_solve(r, transposed(inner), lower=False))


_tall = OwnReverse("qr", _factor, _reverse)


def _whole_q(a: Tensor) -> list[Tensor]:
    *lead, m, n = a.shape
    if n == 0:
        return [broadcast_to(eye(m, dtype=a.dtype), (*lead, m, m))]
    return [_q(_reflections(a)[1], m, m)]


_complete = OwnReverse("qr", _whole_q, lambda a, outputs, gs: zeros(a.shape, a.dtype))
