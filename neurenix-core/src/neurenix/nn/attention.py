"""Attention as a layer."""

from __future__ import annotations

from typing import Any

from ..arguments import whole
from ..errors import InvalidArgumentError, ShapeError
from ..functions.operands import as_tensor
from ..functions.shape import expand_dims, moveaxis, reshape
from ..tensor import Tensor
from . import init
from .functional.attention import scaled_dot_product_attention
from .linear import Linear
from .module import Module


class MultiHeadAttention(Module):
    """Attention in `num_heads` subspaces at once: query [..., L, embed_dim], key and
    value [..., S, embed_dim] -> [..., L, embed_dim]. Vaswani et al. 2017.

    Key and value default to the query (self-attention), value to the key. `mask` (of
    shape [L, S], or [..., L, S] for each of the batch; the same for all heads) and
    `causal` as in `functional.scaled_dot_product_attention`.

    The four projections start from Xavier's uniform numbers and biases of 0. Raises
    InvalidArgumentError if num_heads does not divide embed_dim.

    >>> import neurenix as nx
    >>> nx.nn.MultiHeadAttention(8, 2)(nx.ones(3, 5, 8), causal=True).shape
    (3, 5, 8)
    """

    def __init__(self, embed_dim: int, num_heads: int, bias: bool = True) -> None:
        super().__init__()
        self.embed_dim: int = whole("MultiHeadAttention", "embed_dim", embed_dim, 1)
        self.num_heads: int = whole("MultiHeadAttention", "num_heads", num_heads, 1)
        if embed_dim % num_heads:
            raise InvalidArgumentError(
                f"MultiHeadAttention: num_heads={num_heads} does not divide "
                f"embed_dim={embed_dim}"
            )
        self.query, self.key, self.value, self.out = (
            _projection(embed_dim, bias) for _ in range(4)
        )

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Any = None,
        causal: bool = False,
    ) -> Tensor:
        key = query if key is None else key
        value = key if value is None else value
        if mask is not None and (mask := as_tensor(mask, query)).ndim > 2:
            mask = expand_dims(mask, -3)  # one for all heads
        mixed = scaled_dot_product_attention(
            self._heads(self.query(query)),
            self._heads(self.key(key)),
            self._heads(self.value(value)),
            mask,
            causal,
        )
        mixed = moveaxis(mixed, -3, -2)
        result: Tensor = self.out(reshape(mixed, (*mixed.shape[:-2], self.embed_dim)))
        return result

    def _heads(self, x: Tensor) -> Tensor:
        """[..., L, E] as [..., heads, L, E / heads]."""
        if x.ndim < 2:
            raise ShapeError(
                f"MultiHeadAttention: an input of shape {x.shape}; expected [..., L, E]"
            )
        width = self.embed_dim // self.num_heads
        return moveaxis(reshape(x, (*x.shape[:-1], self.num_heads, width)), -2, -3)

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, num_heads={self.num_heads}"


def _projection(size: int, bias: bool) -> Linear:
    made = Linear(size, size, bias)
    init.xavier_uniform_(made.weight)
    if made.bias is not None:
        init.zeros_(made.bias)
    return made
