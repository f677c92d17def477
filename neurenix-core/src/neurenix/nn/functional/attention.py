"""Attention as a function: every position reads from all positions that it may see."""

from __future__ import annotations

import math
from typing import Any

from ...dtypes import int32
from ...errors import DtypeError, ShapeError
from ...functions.activation import softmax
from ...functions.arithmetic import greater_equal, logical_and, where
from ...functions.linear import matmul
from ...functions.operands import as_tensor, operands
from ...functions.shape import expand_dims, moveaxis
from ...primitives import ops
from ...tensor import Tensor


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, mask: Any = None, causal: bool = False
) -> Tensor:
    """softmax(Q Kᵀ / √E + mask) V: query [..., L, E], key [..., S, E], value
    [..., S, V] -> [..., L, V]. Vaswani et al. 2017.

    mask    broadcast to [..., L, S]: bool (True: may be read), or floating (added to
            the scores)
    causal  position i reads positions 0 to i only

    A position that may read nothing (by a bool mask) gets zeros. Raises ShapeError
    where the shapes do not go together, DtypeError for an integer mask.

    >>> import neurenix as nx
    >>> q = nx.ones(1, 2)
    >>> nx.nn.functional.scaled_dot_product_attention(q, q, nx.tensor([[5.0]])).tolist()
    [[5.0]]
    """
    name = "scaled_dot_product_attention"
    q, k, v = operands(name, query, key, value)
    if min(q.ndim, k.ndim, v.ndim) < 2 or (
        q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]
    ):
        raise ShapeError(
            f"{name}: query {q.shape}, key {k.shape}, value {v.shape}; "
            "expected [..., L, E], [..., S, E], [..., S, V]"
        )
    if not q.dtype.is_floating:
        raise DtypeError(f"{name}: expected floating tensors, not {q.dtype.name}")
    length, size = q.shape[-2], k.shape[-2]
    scores = matmul(q * (1.0 / math.sqrt(q.shape[-1])), moveaxis(k, -1, -2))
    seen = None
    if causal:
        rows, columns = (
            ops.iota(shape=(n,), axis=0, dtype=int32) for n in (length, size)
        )
        seen = greater_equal(expand_dims(rows, 1), columns)
    if mask is not None:
        mask = as_tensor(mask, scores)
        if mask.dtype.is_floating:
            scores = scores + mask.to(scores.dtype)
        elif mask.dtype.kind == "bool":
            seen = mask if seen is None else logical_and(seen, mask)
        else:
            raise DtypeError(
                f"{name}: a mask is bool or floating, not {mask.dtype.name}"
            )
    if seen is None:
        return matmul(softmax(scores, -1), v)
    # Not −∞, whose derivatives would be NaN in rows that see nothing.
    lowest = -3e4 if scores.dtype.itemsize == 2 else -1e30
    weights = softmax(where(seen, scores, lowest), -1)
    return matmul(where(seen, weights, 0.0), v)
