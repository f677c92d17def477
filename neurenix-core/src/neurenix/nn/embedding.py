"""The layer that looks up a vector for each index."""

from __future__ import annotations

from typing import Any

from ..dtypes import int32
from ..errors import InvalidArgumentError
from ..functions.arithmetic import not_equal, stop_gradient, where
from ..functions.creation import zeros
from ..functions.indexing import take
from ..functions.shape import expand_dims
from ..primitives import ops
from ..tensor import Tensor
from . import init
from .arguments import whole
from .module import Module
from .parameter import Parameter


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
    row = _row("embedding: padding_idx", padding_idx, weight.shape[0])
    numbers = ops.iota(shape=weight.shape[:1], axis=0, dtype=int32)
    learned = expand_dims(not_equal(take(numbers, index), row), -1)
    return where(learned, rows, stop_gradient(rows))


def _row(what: str, index: int, count: int) -> int:
    if (
        isinstance(index, bool)
        or not isinstance(index, int)
        or not (-count <= index < count)
    ):
        raise InvalidArgumentError(
            f"{what}={index!r}; expected {-count} to {count - 1}"
        )
    return index % count


class Embedding(Module):
    """Row i of a table for each index i: integers [...] -> [..., embedding_dim].

    padding_idx   a row that starts from 0 and gets no derivative

    weight [num_embeddings, embedding_dim] starts from N(0, 1), as PyTorch's. Raises
    DtypeError for indices that are no integers, IndexOutOfRangeError for one that is
    out of range; in a program, where values are not known, the nearest row is taken.

    >>> import neurenix as nx
    >>> nx.nn.Embedding(10, 3)(nx.tensor([[1, 2], [1, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings: int = whole("Embedding: num_embeddings", num_embeddings)
        self.embedding_dim: int = whole("Embedding: embedding_dim", embedding_dim)
        self.padding_idx: int | None = (
            None
            if padding_idx is None
            else _row("Embedding: padding_idx", padding_idx, self.num_embeddings)
        )
        self.weight = init.normal_(Parameter(zeros(num_embeddings, embedding_dim)))
        if self.padding_idx is not None:
            table = self.weight.value()
            table[self.padding_idx] = 0.0
            self.weight.assign(table)

    def forward(self, index: Tensor) -> Tensor:
        return embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        row = self.padding_idx
        return text if row is None else f"{text}, padding_idx={row}"
