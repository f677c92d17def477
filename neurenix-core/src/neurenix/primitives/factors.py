"""Decompositions of linear algebra: loops over the columns of matrices, unrolled.

Leading axes are a batch, as in `linear_algebra`.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import int32
from .primitive import literal, ops
from .shorthands import cut, scalar_like, zeros


def _column(a: Any, k: int) -> Any:
    """[.., n, 1]"""
    return cut(a, len(a.shape) - 1, k, k + 1)


def _row(a: Any, k: int) -> Any:
    """[.., 1, n]"""
    return cut(a, len(a.shape) - 2, k, k + 1)


def _rows_of(a: Any) -> Any:
    """The number of each row: [.., n, 1] with ones in front."""
    rank = len(a.shape)
    shape = tuple(a.shape[-2] if i == rank - 2 else 1 for i in range(rank))
    return ops.iota(shape=shape, axis=rank - 2, dtype=int32)


def cholesky(a: Any) -> Any:
    """Column by column; what is left of the matrix loses the column's product with
    itself. Of a matrix with a pivot that is not positive all is NaN."""
    n, rank = a.shape[-1], len(a.shape)
    if a.shape[-1] == 0 or 0 in a.shape:
        return a
    zero, nan = scalar_like(a, 0), scalar_like(a, float("nan"))
    rows, columns, good = _rows_of(a), [], None
    for k in range(n):
        column = _column(a, k)
        pivot = _row(column, k)
        inside = ops.greater_equal(rows, literal(k, int32))
        factor = ops.where(inside, ops.div(column, ops.sqrt(pivot)), zero)
        columns.append(factor)
        fine = ops.greater(pivot, zero)
        good = fine if good is None else ops.bitwise_and(good, fine)
        if k + 1 < n:
            across = ops.transpose(
                factor, permutation=(*range(rank - 2), rank - 1, rank - 2)
            )
            a = ops.sub(a, ops.mul(factor, across))
    return ops.where(good, ops.concat(*columns, axis=rank - 1), nan)


def triangular_solve(
    a: Any, b: Any, lower: bool, transpose: bool, unit_diagonal: bool
) -> Any:
    """Each unknown is taken out of the equations that are left."""
    n, rank = a.shape[-1], len(a.shape)
    if n == 0:
        return b
    if transpose:
        a = ops.transpose(a, permutation=(*range(rank - 2), rank - 1, rank - 2))
    forward = lower != transpose
    found: list[Any] = []
    for step in range(n):
        k = step if forward else n - 1 - step
        left = (k + 1, n) if forward else (0, k)  # the equations behind it
        own = (0, 1) if forward else (k, k + 1)
        rest = (1, n - step) if forward else (0, k)
        column = _column(a, k)
        x = cut(b, rank - 2, *own)
        if not unit_diagonal:
            x = ops.div(x, _row(column, k))
        found.append(x)
        if step + 1 < n:
            known = ops.mul(cut(column, rank - 2, *left), x)
            b = ops.sub(cut(b, rank - 2, *rest), known)
    return ops.concat(*(found if forward else found[::-1]), axis=rank - 2)


def lu(a: Any) -> list[Any]:
    """Column by column: the row with the first largest pivot comes up, and what is
    below it loses its multiple."""
    n, rank = a.shape[-1], len(a.shape)
    batch = rank - 2
    if 0 in a.shape:
        return [a, zeros(a.shape[:-1], int32)]
    order = ops.iota(shape=a.shape[:-1], axis=batch, dtype=int32)
    places = ops.iota(shape=(*(1,) * batch, n), axis=batch, dtype=int32)
    rows = _rows_of(a)
    columns = ops.reshape(places, shape=(*(1,) * batch, 1, n))
    zero = scalar_like(a, 0)
    for k in range(n):
        here = literal(k, int32)
        sizes = ops.abs(cut(_column(a, k), batch, k, n))
        best = ops.add(ops.argmax(sizes, axes=(batch,)), here)  # [.., 1]
        swap = ops.where(
            ops.equal(places, here),
            best,
            ops.where(ops.equal(places, best), here, places),
        )
        a = ops.gather(a, swap, axis=batch, batch=batch)
        order = ops.gather(order, swap, axis=batch, batch=batch)
        pivot = _row(_column(a, k), k)
        some = ops.not_equal(pivot, zero)
        below = ops.bitwise_and(ops.greater(rows, here), some)
        factor = ops.div(_column(a, k), pivot)
        less = ops.sub(a, ops.mul(factor, _row(a, k)))
        right = ops.bitwise_and(below, ops.greater(columns, here))
        a = ops.where(right, less, a)
        left = ops.bitwise_and(below, ops.equal(columns, here))
        a = ops.where(left, factor, a)
    return [a, order]
