"""The function that multiplies with a matrix and adds a bias."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...functions.operands import floating, operands
from ...primitives import ops
from ...tensor import Tensor


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x Wᵀ + b: x [..., in], weight [out, in], bias [out] -> [..., out].

    Raises ShapeError where they do not go together.

    >>> import neurenix as nx
    >>> nx.nn.functional.linear(nx.ones(2, 3), nx.ones(4, 3)).shape
    (2, 4)
    """
    x, w = operands("linear", floating("linear", x, weight), weight)
    if w.ndim != 2 or not x.ndim or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"linear: an input of shape {x.shape} for a weight of shape {w.shape} "
            "(out, in): the input's last axis "
            f"must be {w.shape[-1] if w.ndim else 'in'}"
        )
    y = ops.dot_general(
        x, w, lhs_contract=(x.ndim - 1,), rhs_contract=(1,), lhs_batch=(), rhs_batch=()
    )  # both contract their last axis: nothing is transposed
    if bias is None:
        return y
    if bias.shape != (w.shape[0],):
        raise ShapeError(
            f"linear: a bias of shape {bias.shape} for {w.shape[0]} outputs; "
            f"expected {(w.shape[0],)}"
        )
    return y + bias
