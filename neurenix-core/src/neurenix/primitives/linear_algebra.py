"""Factors of matrices, and solving with them. Leading axes are a batch.

cholesky(a)              L with L Lᵀ = a; reads a's lower triangle alone, so that the
                         derivative lies there; NaN where a is not positive definite
triangular_solve(a, b)   x [.., n, k] with a x = b, or aᵀ x = b; reads one triangle of a
lu(a)                    the factors of a's rows in another order, a[p] = L U: in one
                         matrix, without L's diagonal of ones; and p, int32 [.., n].
                         Of the candidates for a pivot it takes the first largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import DtypeError, ShapeError
from . import factors
from .batching import batch_size, with_batch
from .broadcasting import same_dtype
from .primitive import PLAIN, Primitive, TensorType, Value, ops, register
from .shorthands import in_float32, move_axis, scalar_like, zeros


def _check_square(name: str, a: Value) -> None:
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name}: shape {a.shape}; expected square matrices")
    if not a.dtype.is_floating:
        raise DtypeError(f"{name} takes float tensors, not {a.dtype.name}")


def _transposed(x: Any) -> Any:
    last = len(x.shape) - 1
    return move_axis(x, last, last - 1)


def _product(a: Any, b: Any) -> Any:
    last = len(a.shape) - 1
    batch = tuple(range(last - 1))
    return ops.dot_general(
        a,
        b,
        lhs_contract=(last,),
        rhs_contract=(last - 1,),
        lhs_batch=batch,
        rhs_batch=batch,
    )


def _triangle(x: Any, lower: bool, diagonal: float) -> Any:
    """One triangle of the matrices, the diagonal times a factor, and 0 elsewhere."""
    n = x.shape[-1]
    rows = ops.iota(shape=(n, 1), axis=0, dtype=int32)
    columns = ops.iota(shape=(1, n), axis=1, dtype=int32)
    inside = ops.greater(rows, columns) if lower else ops.less(rows, columns)
    zero = scalar_like(x, 0)
    on = x if diagonal == 1 else ops.mul(x, scalar_like(x, diagonal))
    rest = ops.where(ops.equal(rows, columns), on, zero) if diagonal else zero
    return ops.where(inside, x, rest)


def _wide(a: Any) -> Any:
    """Half types are worked on in float32."""
    return a if a.dtype in (np.float32, np.float64) else a.astype(np.float32)


# ---- cholesky ------------------------------------------------------------------------


def _cholesky_infer(types: Sequence[Value]) -> list[TensorType]:
    _check_square("cholesky", types[0])
    return [TensorType(types[0].shape, types[0].dtype)]


def _cholesky(a: Any) -> list[Any]:
    out = np.full(a.shape, np.nan, a.dtype)
    for b in np.ndindex(*a.shape[:-2]):
        try:
            factor = np.linalg.cholesky(_wide(a[b]))
        except np.linalg.LinAlgError:
            continue
        if not np.isnan(factor).any():
            out[b] = factor
    return [out]


def _cholesky_vjp(needed: Any, gs: Any, inputs: Any, outputs: Any) -> list[Any]:
    """Iain Murray, https://arxiv.org/abs/1602.07527, equation 10."""
    factor = outputs[0]
    inner = _triangle(_product(_transposed(factor), gs[0]), True, 0.5)
    half = ops.triangular_solve(
        factor, inner, lower=True, transpose=True, unit_diagonal=False
    )
    s = ops.triangular_solve(
        factor, _transposed(half), lower=True, transpose=True, unit_diagonal=False
    )
    return [_triangle(ops.add(s, _transposed(s)), True, 0.5)]


# ---- triangular_solve ----------------------------------------------------------------


def _solve_infer(
    types: Sequence[Value], lower: bool, transpose: bool, unit_diagonal: bool
) -> list[TensorType]:
    a, b = types
    dtype = same_dtype("triangular_solve", types)
    _check_square("triangular_solve", a)
    if len(b.shape) != len(a.shape) or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(
            f"triangular_solve: shapes {a.shape} and {b.shape}; "
            "expected [.., n, n] and [.., n, k]"
        )
    return [TensorType(b.shape, dtype)]


def _solve(
    a: Any, b: Any, lower: bool, transpose: bool, unit_diagonal: bool
) -> list[Any]:
    matrix, x = (
        np.swapaxes(_wide(a), -1, -2) if transpose else _wide(a),
        _wide(b).copy(),
    )
    n = a.shape[-1]
    forward = lower != transpose
    with np.errstate(all="ignore"):
        for i in range(n) if forward else reversed(range(n)):
            known = slice(0, i) if forward else slice(i + 1, n)
            row = matrix[..., i : i + 1, known] @ x[..., known, :]
            x[..., i, :] -= row[..., 0, :]
            if not unit_diagonal:
                x[..., i, :] /= matrix[..., i, i, None]
    return [x.astype(b.dtype, copy=False)]


def _solve_vjp(
    needed: Any,
    gs: Any,
    inputs: Any,
    outputs: Any,
    lower: bool,
    transpose: bool,
    unit_diagonal: bool,
) -> list[Any]:
    a, x = inputs[0], outputs[0]
    g = ops.triangular_solve(
        a, gs[0], lower=lower, transpose=not transpose, unit_diagonal=unit_diagonal
    )
    if not needed[0]:
        return [None, g]
    left, right = (x, g) if transpose else (g, x)
    product = ops.neg(_product(left, _transposed(right)))
    return [_triangle(product, lower, 0 if unit_diagonal else 1), g]


def _solve_batch(
    values: Sequence[Any], flags: Sequence[bool], **params: Any
) -> list[Any]:
    a, b = values
    size = batch_size(values, flags)
    if flags[0]:
        return [ops.triangular_solve(a, with_batch(b, flags[1], size), **params)]
    # one matrix for all: the batch becomes more columns
    last, k = len(b.shape) - 1, b.shape[-1]
    wide = ops.reshape(move_axis(b, 0, last - 1), shape=(*b.shape[1:-1], size * k))
    x = ops.triangular_solve(a, wide, **params)
    x = ops.reshape(x, shape=(*b.shape[1:-1], size, k))
    return [move_axis(x, last - 1, 0)]


# ---- lu ------------------------------------------------------------------------------


def _lu_infer(types: Sequence[Value]) -> list[TensorType]:
    a = types[0]
    _check_square("lu", a)
    return [TensorType(a.shape, a.dtype), TensorType(a.shape[:-1], int32)]


def _lu(a: Any) -> list[Any]:
    packed = _wide(a).copy()
    order = np.broadcast_to(np.arange(a.shape[-1], dtype=np.int32), a.shape[:-1]).copy()
    with np.errstate(all="ignore"):
        for b in np.ndindex(*a.shape[:-2]):
            _lu_of_one(packed[b], order[b])
    return [packed.astype(a.dtype, copy=False), order]


def _lu_of_one(m: Any, order: Any) -> None:
    for k in range(m.shape[0]):
        pivot = k + int(np.argmax(np.abs(m[k:, k])))
        m[[k, pivot]] = m[[pivot, k]]
        order[[k, pivot]] = order[[pivot, k]]
        if m[k, k] != 0:
            m[k + 1 :, k] /= m[k, k]
            m[k + 1 :, k + 1 :] -= np.outer(m[k + 1 :, k], m[k, k + 1 :])


def _lu_vjp(needed: Any, gs: Any, inputs: Any, outputs: Any) -> list[Any]:
    """a[p] = L U gives L⁻¹ da[p] U⁻¹ = L⁻¹ dL + dU U⁻¹: a strictly lower triangle and
    an upper one."""
    if gs[0] is None:
        return [None]
    packed, order = outputs
    up = _triangle(packed, False, 1)
    low = _triangle(packed, True, 0)  # without the diagonal of ones, added below
    g_low, g_up = _triangle(gs[0], True, 0), _triangle(gs[0], False, 1)
    inner = ops.add(
        _triangle(ops.add(g_low, _product(_transposed(low), g_low)), True, 0),
        _triangle(_product(g_up, _transposed(up)), False, 1),
    )
    half = ops.triangular_solve(
        packed, inner, lower=True, transpose=True, unit_diagonal=True
    )
    rows = _transposed(
        ops.triangular_solve(
            packed, _transposed(half), lower=False, transpose=False, unit_diagonal=False
        )
    )
    at = len(packed.shape) - 2
    nothing = zeros(packed.shape, packed.dtype)
    return [ops.scatter_add(nothing, order, rows, axis=at, batch=at)]


def _batched(name: str) -> Any:
    def batch(values: Any, flags: Any) -> Any:
        outputs = ops.table[name](values[0])
        return outputs if ops.table[name].many else [outputs]

    return batch


cholesky = register(
    Primitive(
        name="cholesky",
        opcode=140,
        family="linear_algebra",
        traits=PLAIN,
        infer=_cholesky_infer,
        reference=_cholesky,
        vjp=_cholesky_vjp,
        batch=_batched("cholesky"),
        decomposition=in_float32(factors.cholesky),
        saves="o",
    )
)
triangular_solve = register(
    Primitive(
        name="triangular_solve",
        opcode=141,
        family="linear_algebra",
        traits=PLAIN,
        infer=_solve_infer,
        reference=_solve,
        vjp=_solve_vjp,
        batch=_solve_batch,
        decomposition=in_float32(factors.triangular_solve),
        saves="io",
    )
)
lu = register(
    Primitive(
        name="lu",
        opcode=142,
        family="linear_algebra",
        traits=PLAIN,
        infer=_lu_infer,
        reference=_lu,
        vjp=_lu_vjp,
        batch=_batched("lu"),
        decomposition=in_float32(factors.lu),
        saves="o",
        many=True,
    )
)
