"""Products of matrices."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..primitives import ops
from ..primitives.broadcasting import broadcast_shapes
from ..tensor import Tensor
from .operands import operands


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product, as NumPy's `@`: vectors count as a row or a column, leading
    axes broadcast.

    >>> import neurenix as nx
    >>> nx.matmul(nx.ones(2, 3), nx.ones(3, 4)).shape
    (2, 4)
    """
    x, y = operands("matmul", a, b)
    left, right = x.shape, y.shape
    if not left or not right:
        raise ShapeError(
            f"matmul: shapes {left} and {right}; a scalar is multiplied with *"
        )
    rank = len(right)
    inner = left[-1], right[-2 if rank > 1 else 0]
    if inner[0] != inner[1]:
        axis = "last but one" if rank > 1 else "only"
        raise ShapeError(
            f"matmul: shapes {left} and {right}: "
            f"the last axis of the first is {inner[0]}, "
            f"the {axis} axis of the second {inner[1]}"
        )
    if rank <= 2:  # x's leading axes are more rows
        return ops.dot_general(
            x,
            y,
            lhs_contract=(len(left) - 1,),
            rhs_contract=(0,),
            lhs_batch=(),
            rhs_batch=(),
        )
    if len(left) == 1:
        out = matmul(ops.reshape(x, shape=(1, *x.shape)), y)
        return ops.reshape(out, shape=(*out.shape[:-2], out.shape[-1]))
    lead = broadcast_shapes("matmul", [x.shape[:-2], y.shape[:-2]])
    x = x if x.shape[:-2] == lead else ops.broadcast(x, shape=(*lead, *x.shape[-2:]))
    y = y if y.shape[:-2] == lead else ops.broadcast(y, shape=(*lead, *y.shape[-2:]))
    n = len(lead)
    batch = tuple(range(n))
    return ops.dot_general(
        x, y, lhs_contract=(n + 1,), rhs_contract=(n,), lhs_batch=batch, rhs_batch=batch
    )


def dot(a: Any, b: Any) -> Tensor:
    """The inner product of two vectors."""
    x, y = operands("dot", a, b)
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(
            f"dot: shapes {x.shape} and {y.shape}; expected two vectors of one length"
        )
    return matmul(x, y)
