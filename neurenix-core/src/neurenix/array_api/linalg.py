"""The standard's extension `linalg`: matrices in the last two axes, the others a
batch."""

from __future__ import annotations

from typing import Any

from .. import linalg as _linalg
from ..errors import InvalidArgumentError, ShapeError
from ..functions.arithmetic import absolute
from ..functions.axes import one_axis
from ..functions.linear import matmul
from ..functions.linear_algebra import cholesky as _cholesky
from ..functions.linear_algebra import det, identity, inv, slogdet, solve
from ..functions.matrices import diagonal as _diagonal
from ..functions.matrices import outer as _outer
from ..functions.operands import cast, floating, operands
from ..functions.reduction import max, min
from ..functions.reduction import norm as _norm
from ..functions.reduction import sum as _sum
from ..functions.shape import broadcast_to as _broadcast_to
from ..functions.shape import concat, cut
from ..functions.shape import reshape as _reshape
from ..linalg import QR, SVD, Eigen
from ..tensor import Tensor
from .kinds import broadcast_arrays, integer_sum
from .products import matrix_transpose, tensordot, vecdot


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The lower triangle L with L Lᵀ = x; with upper=True its transpose."""
    factor = _cholesky(x)
    return matrix_transpose(factor) if upper else factor


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The vector product over an axis of three elements; the others broadcast."""
    a, b = broadcast_arrays(*operands("cross", x1, x2))
    at = one_axis("cross", axis, a.ndim)
    if x1.ndim < -axis or x2.ndim < -axis or a.shape[at] != 3:
        raise ShapeError(
            f"cross: shapes {x1.shape} and {x2.shape}; expected 3 along axis {axis}"
        )
    a1, a2, a3 = (cut(a, at, i, i + 1) for i in range(3))
    b1, b2, b3 = (cut(b, at, i, i + 1) for i in range(3))
    return concat([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], at)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The elements [.., i, i + offset]."""
    return _diagonal(x, offset, -2, -1)


def matrix_norm(
    x: Tensor, /, *, keepdims: bool = False, ord: float | str | None = "fro"
) -> Tensor:
    """ "fro": √Σx²; 1 and -1: the largest and smallest sum of a column's absolute
    values; inf and -inf: of a row's; 2, -2 and "nuc": the largest singular value, the
    smallest, and their sum."""
    x = floating("matrix_norm", x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: shape {x.shape}; expected matrices [.., m, n]")
    if ord in ("fro", None):
        return _norm(x, (-2, -1), keepdims)
    if ord not in (1, -1, 2, -2, "nuc", float("inf"), -float("inf")):
        raise InvalidArgumentError(
            f'matrix_norm: ord={ord!r}; there is "fro", "nuc", 1, -1, 2, -2, inf, -inf'
        )
    if ord in (2, -2, "nuc"):
        values = svdvals(x)
        choose = {2: max, -2: min, "nuc": _sum}[ord]
        norms = choose(values, -1)
    else:
        choose = max if ord in (1, float("inf")) else min
        norms = choose(_sum(absolute(x), -2 if ord in (1, -1) else -1), -1)
    return _reshape(norms, (*x.shape[:-2], 1, 1)) if keepdims else norms


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The number of singular values that exceed rtol times the largest."""
    return _linalg.matrix_rank(x, rtol=rtol)


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The Moore–Penrose inverse; see `neurenix.linalg.pinv`."""
    return _linalg.pinv(x, rtol=rtol)


def eigh(x: Tensor, /) -> Eigen:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices."""
    return _linalg.eigh(x)


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues of symmetric matrices, ascending."""
    return _linalg.eigvalsh(x)


def qr(x: Tensor, /, *, mode: str = "reduced") -> QR:
    """An orthonormal Q and an upper triangle R; see `neurenix.linalg.qr`."""
    return _linalg.qr(x, mode)


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVD:
    """U, singular values S, descending, and Vh; see `neurenix.linalg.svd`."""
    return _linalg.svd(x, full_matrices)


def svdvals(x: Tensor, /) -> Tensor:
    """Singular values, descending."""
    return _linalg.svdvals(x)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """x to the integer power n, by squaring; of the inverse where n < 0."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"matrix_power: shape {x.shape}; expected square matrices [.., n, n]"
        )
    if isinstance(n, bool) or not isinstance(n, int):
        raise InvalidArgumentError(f"matrix_power: n={n!r}; expected an int")
    base, left = (inv(x), -n) if n < 0 else (x, n)
    result: Tensor | None = None
    while left:
        if left & 1:
            result = base if result is None else matmul(result, base)
        left >>= 1
        base = matmul(base, base) if left else base
    if result is None:
        return _broadcast_to(identity(x), x.shape)
    return result


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """All products of an element of one vector with one of another."""
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(f"outer: shapes {x1.shape} and {x2.shape}; expected vectors")
    return _outer(x1, x2)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of a diagonal."""
    return _sum(integer_sum(diagonal(x, offset=offset), dtype), -1)


def vector_norm(
    x: Tensor,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Tensor:
    """(Σ|x|ᵒʳᵈ)^(1/ord) over axes; inf and -inf: the largest and smallest |x|; 0: how
    many are not 0."""
    x = floating("vector_norm", x)
    if ord == 2:
        return _norm(x, axis, keepdims)
    size = absolute(x)
    if ord == float("inf"):
        return max(size, axis, keepdims)
    if ord == -float("inf"):
        return min(size, axis, keepdims)
    if ord == 0:
        return _sum(cast(x != 0, x.dtype), axis, keepdims)
    if ord == 1:
        return _sum(size, axis, keepdims)
    powers: Tensor = size**ord
    norm: Tensor = _sum(powers, axis, keepdims) ** (1 / ord)
    return norm


__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]
