"""The layer that looks up a vector for each index."""

from __future__ import annotations

from ..arguments import whole
from ..functions.creation import zeros
from ..tensor import Tensor
from . import functional, init
from .functional.lookup import check_row
from .module import Module
from .parameter import Parameter


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
        self.num_embeddings: int = whole(
            "Embedding", "num_embeddings", num_embeddings, 1
        )
        self.embedding_dim: int = whole("Embedding", "embedding_dim", embedding_dim, 1)
        self.padding_idx: int | None = (
            None
            if padding_idx is None
            else check_row("Embedding: padding_idx", padding_idx, self.num_embeddings)
        )
        self.weight = init.normal_(Parameter(zeros(num_embeddings, embedding_dim)))
        if self.padding_idx is not None:
            table = self.weight.value()
            table[self.padding_idx] = 0.0
            self.weight.assign(table)

    def forward(self, index: Tensor) -> Tensor:
        return functional.embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        row = self.padding_idx
        return text if row is None else f"{text}, padding_idx={row}"
