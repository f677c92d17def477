"""The layer that looks up a vector for each index."""

from __future__ import annotations

from ..functions.creation import zeros
from ..functions.indexing import take
from ..tensor import Tensor
from . import init
from .arguments import whole
from .module import Module
from .parameter import Parameter


class Embedding(Module):
    """Row i of a table for each index i: integers [...] -> [..., embedding_dim].

    weight [num_embeddings, embedding_dim] starts from N(0, 1), as PyTorch's. Raises
    DtypeError for indices that are no integers, IndexOutOfRangeError for one that is
    out of range; in a program, where values are not known, the nearest row is taken.

    >>> import neurenix as nx
    >>> nx.nn.Embedding(10, 3)(nx.tensor([[1, 2], [1, 9]])).shape
    (2, 2, 3)
    """

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings: int = whole("Embedding: num_embeddings", num_embeddings)
        self.embedding_dim: int = whole("Embedding: embedding_dim", embedding_dim)
        self.weight = init.normal_(Parameter(zeros(num_embeddings, embedding_dim)))

    def forward(self, index: Tensor) -> Tensor:
        return take(self.weight, index, 0)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"
