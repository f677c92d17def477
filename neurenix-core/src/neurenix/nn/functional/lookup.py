"""The function that looks up a vector for each index."""

from __future__ import annotations

from typing import Any

from ...dtypes import int32
from ...errors import InvalidArgumentError
from ...functions.arithmetic import not_equal, stop_gradient, where
from ...functions.indexing import take
from ...functions.shape import expand_dims
from ...primitives import ops
from ...tensor import Tensor


def embedding(index: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Row i of the weight [n, d] for each index i: integers [...] -> [..., d]. The row
    padding_idx gets no derivative.

    >>> import neurenix as nx
    >>> nx.nn.functional.embedding(nx.tensor([1, 0]), nx.eye(2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    rows = take(weight, index, 0)
    if padding_idx is None:
        return rows
    row = check_row("embedding: padding_idx", padding_idx, weight.shape[0])
    numbers = ops.iota(shape=weight.shape[:1], axis=0, dtype=int32)
    learned = expand_dims(not_equal(take(numbers, index), row), -1)
    return where(learned, rows, stop_gradient(rows))


def check_row(what: str, index: int, count: int) -> int:
    if (
        isinstance(index, bool)
        or not isinstance(index, int)
        or not (-count <= index < count)
    ):
        raise InvalidArgumentError(
            f"{what}={index!r}; expected {-count} to {count - 1}"
        )
    return index % count
