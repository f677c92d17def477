"""Parts of matrices, and products that `matmul` does not name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import whole
from ..dtypes import int32
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..primitives.primitive import literal
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from .axes import one_axis
from .operands import as_tensor, operands
from .reduction import sum as sum_over
from .shape import reshape


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements [i, i + offset] of two axes, which go; the diagonal comes last.

    >>> import neurenix as nx
    >>> nx.diagonal(nx.tensor([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: a tensor of shape {x.shape}; expected two axes")
    a, b = one_axis("diagonal", axis1, x.ndim), one_axis("diagonal", axis2, x.ndim)
    if a == b:
        raise InvalidArgumentError(f"diagonal: axis1={axis1} and axis2={axis2} are one")
    offset = whole("diagonal", "offset", offset)
    rest = [i for i in range(x.ndim) if i not in (a, b)]
    lead = tuple(x.shape[i] for i in rest)
    row, column = max(-offset, 0), max(offset, 0)
    n = max(0, min(x.shape[a] - row, x.shape[b] - column))
    x = ops.transpose(x, permutation=(*rest, a, b))
    none = (0,) * len(lead)
    if not n:
        row = column = 0
    square = ops.slice(
        x,
        start=(*none, row, column),
        stop=(*lead, row + n, column + n),
        step=(1,) * x.ndim,
    )
    # row-major, the diagonal of an n by n matrix is every (n + 1)th element
    return ops.slice(
        ops.reshape(square, shape=(*lead, n * n)),
        start=(*none, 0),
        stop=(*lead, n * n),
        step=(*(1 for _ in lead), n + 1),
    )


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of a diagonal."""
    return sum_over(diagonal(x, offset, axis1, axis2), -1)


def tril(x: Any, k: int = 0) -> Tensor:
    """The last two axes with 0 above diagonal k.

    >>> import neurenix as nx
    >>> nx.tril(nx.ones(2, 2)).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return _triangle("tril", x, k, lower=True)


def triu(x: Any, k: int = 0) -> Tensor:
    """The last two axes with 0 below diagonal k."""
    return _triangle("triu", x, k, lower=False)


def _triangle(name: str, x: Any, k: int, lower: bool) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"{name}: a tensor of shape {x.shape}; expected two axes")
    k = whole(name, "k", k)
    n, m = x.shape[-2:]
    rows = ops.iota(shape=(n, 1), axis=0, dtype=int32)
    columns = ops.iota(shape=(1, m), axis=1, dtype=int32)
    end = ops.add(rows, literal(k, int32))
    inside = ops.less_equal(columns, end) if lower else ops.greater_equal(columns, end)
    return ops.where(inside, x, scalar_like(x, 0))


def outer(a: Any, b: Any) -> Tensor:
    """All products of an element of a with one of b, both flattened: [a.size, b.size].

    >>> import neurenix as nx
    >>> nx.outer(nx.tensor([1, 2]), nx.tensor([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    x, y = operands("outer", a, b)
    return ops.mul(reshape(x, (x.size, 1)), reshape(y, (1, y.size)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """The product summed over `axes`: so many last axes of a with as many first ones of
    b, or a pair (axes of a, axes of b).

    >>> import neurenix as nx
    >>> nx.tensordot(nx.ones(2, 3, 4), nx.ones(4, 3), ([1, 2], [1, 0])).tolist()
    [12.0, 12.0]
    """
    x, y = operands("tensordot", a, b)
    if isinstance(axes, (int, np.integer)):
        n = int(axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise InvalidArgumentError(
                f"tensordot: axes={n} for tensors of shapes {x.shape} and {y.shape}"
            )
        left, right = tuple(range(x.ndim - n, x.ndim)), tuple(range(n))
    else:
        try:
            of_a, of_b = (_listed(v) for v in axes)
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                f"tensordot: axes={axes!r}; expected an int or a pair of axes"
            ) from None
        left = tuple(one_axis("tensordot", i, x.ndim) for i in of_a)
        right = tuple(one_axis("tensordot", i, y.ndim) for i in of_b)
        repeated = len(set(left)) < len(left) or len(set(right)) < len(right)
        if len(left) != len(right) or repeated:
            raise InvalidArgumentError(
                f"tensordot: axes={axes!r}; expected as many of a as of b, each once"
            )
    if any(x.shape[i] != y.shape[j] for i, j in zip(left, right, strict=True)):
        raise ShapeError(
            f"tensordot: shapes {x.shape} and {y.shape} differ along axes "
            f"{left} and {right}"
        )
    return ops.dot_general(
        x, y, lhs_contract=left, rhs_contract=right, lhs_batch=(), rhs_batch=()
    )


def _listed(axes: Any) -> Any:
    return axes if isinstance(axes, (tuple, list)) else (axes,)
