"""Jacobi's rotations: columns made orthogonal, and symmetric matrices diagonal.

Pairs that share no column are rotated at once, in a round robin in which every pair
meets once a sweep (Brent and Luk 1985). Convergence is quadratic in the end; how many
sweeps there are is fixed by the size, from trials on matrices that are hard (graded,
clustered, of low rank), so that a program has no loop that depends on values.
"""

from __future__ import annotations

from math import ceil, log2

from ..dtypes import float64
from ..functions.arithmetic import absolute, sqrt, where
from ..functions.creation import eye, zeros
from ..functions.matrices import diagonal
from ..functions.reduction import sum as sum_over
from ..functions.shape import broadcast_to, concat, cut, expand_dims
from ..tensor import Tensor
from ..transforms.mapping import scan
from .matrices import transposed

Pair = tuple[Tensor, Tensor]


def orthogonal_columns(a: Tensor, sweeps: int | None = None) -> tuple[Tensor, Tensor]:
    """B = a V [.., m, n] with orthogonal columns, and V [.., n, n], which is orthogonal
    (Hestenes 1958). The entries of a are at most about 1."""
    *lead, m, n = a.shape
    unit = broadcast_to(eye(n, dtype=a.dtype), (*lead, n, n))
    at = a.ndim - 2
    if n < 2:
        return a, unit
    columns = transposed(concat([a, unit], -2))  # one a row: [.., n, m + n]
    columns = _even(columns, at)
    threshold = _spacing(a) / 2

    def rotate(pair: Pair, _: None) -> tuple[Pair, None]:
        x, y = (cut(half, at + 1, 0, m) for half in pair)
        xx, yy, xy = (sum_over(p * q, -1) for p, q in ((x, x), (y, y), (x, y)))
        is_orthogonal = absolute(xy) <= threshold * sqrt(xx) * sqrt(yy)
        turned = _turned(pair, *_angles(xx, yy, where(is_orthogonal, 0.0, xy)))
        return _next_pairs(turned, at), None

    steps = (_sweeps(a, n) if sweeps is None else sweeps) * (columns.shape[at] - 1)
    halves, _ = scan(rotate, _halves(columns, at), None, length=steps)
    # After whole sweeps each column is where it was.
    found = transposed(cut(concat(halves, at), at, 0, n))
    return cut(found, at, 0, m), cut(found, at, m, m + n)


def diagonalised(a: Tensor, sweeps: int | None = None) -> tuple[Tensor, Tensor]:
    """D = Vᵀ a V [.., n, n], diagonal but for rounding, and V, which is orthogonal, of
    a symmetric (Jacobi 1846)."""
    *lead, n, _ = a.shape
    unit = broadcast_to(eye(n, dtype=a.dtype), (*lead, n, n))
    at = a.ndim - 2
    if n < 2:
        return a, unit
    square = _even(_even(a, at), at + 1)
    vectors = _even(unit, at)  # one a row
    threshold = _spacing(a) / 8

    def rotate(carry: tuple[Tensor, Pair], _: None) -> tuple[tuple[Tensor, Pair], None]:
        s, v = carry
        low, high = _halves(s, at)
        blocks = (*_halves(low, at + 1), _halves(high, at + 1)[1])
        x, off, y = (diagonal(block, 0, -2, -1) for block in blocks)
        angles = _angles(x, y, where(absolute(off) <= threshold, 0.0, off))
        for side in (at, at + 1):
            turned = _turned(_halves(s, side), *angles, side)
            s = concat(_next_pairs(turned, side), side)
        return (s, _next_pairs(_turned(v, *angles), at)), None

    size = square.shape[at]
    steps = (_sweeps(a, n) if sweeps is None else sweeps) * (size - 1)
    (s, v), _ = scan(rotate, (square, _halves(vectors, at)), None, length=steps)
    s = cut(cut(s, at, 0, n), at + 1, 0, n)
    return s, transposed(cut(concat(v, at), at, 0, n))


def _sweeps(a: Tensor, n: int) -> int:
    return (9 if a.dtype is float64 else 6) + ceil(log2(n))


def _spacing(a: Tensor) -> float:
    return 2.0**-52 if a.dtype is float64 else 2.0**-23


def _even(x: Tensor, axis: int) -> Tensor:
    """With zeros after an odd number."""
    if x.shape[axis] % 2 == 0:
        return x
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return concat([x, zeros(shape, dtype=x.dtype)], axis)


def _halves(x: Tensor, axis: int) -> Pair:
    half = x.shape[axis] // 2
    return cut(x, axis, 0, half), cut(x, axis, half, 2 * half)


def _angles(xx: Tensor, yy: Tensor, xy: Tensor) -> Pair:
    """Cosine and sine of the rotation that makes xy 0, of the two the smaller."""
    gap, twice = yy - xx, 2 * xy
    root = absolute(gap) + sqrt(gap * gap + twice * twice)
    tangent = where(gap < 0, -twice, twice) / where(root > 0, root, 1.0)
    cosine = 1 / sqrt(1 + tangent * tangent)
    return cosine, cosine * tangent


def _turned(pair: Pair, cosine: Tensor, sine: Tensor, axis: int = -2) -> Pair:
    x, y = pair
    other = -2 if axis == x.ndim - 1 else -1
    c, s = expand_dims(cosine, other), expand_dims(sine, other)
    return c * x - s * y, s * x + c * y


def _next_pairs(pair: Pair, axis: int) -> Pair:
    """The first stays; all others go round by one place."""
    x, y = pair
    half = x.shape[axis]
    if half == 1:
        return pair
    first = [cut(x, axis, 0, 1), cut(y, axis, 0, 1), cut(x, axis, 1, half - 1)]
    second = [cut(y, axis, 1, half), cut(x, axis, half - 1, half)]
    return concat(first, axis), concat(second, axis)
