"""Networks for sequences: a recurrent one, and a small transformer."""

from __future__ import annotations

import neurenix as nx
from neurenix import nn
from neurenix.arguments import flag, whole
from neurenix.errors import InvalidArgumentError, ShapeError

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentNetwork(nn.Module):
    """A recurrent layer over a sequence, and a linear head on its last state: x
    [n, length, in_features] to [n, outputs], class scores or values.

    cell         "lstm" or "gru"
    num_layers   recurrent layers, one on the other

    Raises InvalidArgumentError for another cell.

    >>> RecurrentNetwork(3, 16, 5, cell="gru")(nx.ones(2, 7, 3)).shape
    (2, 5)
    """

    def __init__(
        self,
        in_features: int,
        hidden: int,
        outputs: int,
        *,
        cell: str = "lstm",
        num_layers: int = 1,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise InvalidArgumentError(
                f"RecurrentNetwork: cell={cell!r}; expected 'lstm' or 'gru'"
            )
        self.body = CELLS[cell](
            whole("RecurrentNetwork", "in_features", in_features, 1),
            whole("RecurrentNetwork", "hidden", hidden, 1),
            whole("RecurrentNetwork", "num_layers", num_layers, 1),
            batch_first=True,
        )
        self.head = nn.Linear(hidden, whole("RecurrentNetwork", "outputs", outputs, 1))

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        if x.ndim != 3:
            raise ShapeError(
                f"RecurrentNetwork: an input of shape {x.shape}; expected "
                "[n, length, in_features]"
            )
        states, _ = self.body(x)
        output: nx.Tensor = self.head(states[:, -1])
        return output


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then that + a two-layer network of its norm."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.MultiHeadAttention(width, heads)
        self.network_norm = nn.LayerNorm(width)
        self.network = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )

    def forward(self, x: nx.Tensor, causal: bool) -> nx.Tensor:
        x = x + self.attention(self.attention_norm(x), causal=causal)
        output: nx.Tensor = x + self.network(self.network_norm(x))
        return output


class Transformer(nn.Module):
    """A small transformer encoder with norms before its layers (Vaswani et al. 2017,
    arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745), a mean over the positions
    and a linear head: x [n, length, in_features] to [n, outputs], class scores or
    values.

    max_length   the longest sequence: positions have learned embeddings, which start
                 from N(0, 0.02²)
    width        of each position's vector
    heads        of attention; they divide width
    depth        blocks
    hidden       width of each block's two-layer network; None: 4 · width
    causal       whether a position reads only those before it and itself

    Raises ShapeError for longer sequences.

    >>> Transformer(3, 5, max_length=10, width=16, heads=2)(nx.ones(2, 7, 3)).shape
    (2, 5)
    """

    def __init__(
        self,
        in_features: int,
        outputs: int,
        *,
        max_length: int,
        width: int = 64,
        heads: int = 4,
        depth: int = 2,
        hidden: int | None = None,
        causal: bool = False,
    ) -> None:
        super().__init__()
        size = whole("Transformer", "width", width, 1)
        if hidden is None:
            hidden = 4 * size
        inner = whole("Transformer", "hidden", hidden, 1)
        self.causal = flag("Transformer", "causal", causal)
        features = whole("Transformer", "in_features", in_features, 1)
        self.embed = nn.Linear(features, size)
        count = whole("Transformer", "max_length", max_length, 1)
        self.positions = nn.init.normal_(nn.Parameter(nx.zeros(count, size)), 0.0, 0.02)
        self.blocks = [
            TransformerBlock(size, heads, inner)
            for _ in range(whole("Transformer", "depth", depth, 1))
        ]
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, whole("Transformer", "outputs", outputs, 1))

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        limit = self.positions.shape[0]
        if x.ndim != 3 or x.shape[1] > limit:
            raise ShapeError(
                f"Transformer: an input of shape {x.shape}; expected "
                f"[n, length, in_features] with a length of at most {limit}"
            )
        z = self.embed(x) + self.positions[: x.shape[1]]
        for block in self.blocks:
            z = block(z, self.causal)
        output: nx.Tensor = self.head(self.norm(z).mean(dim=1))
        return output
