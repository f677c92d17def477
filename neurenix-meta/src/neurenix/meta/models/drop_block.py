"""DropBlock: dropout of whole squares of a map."""

from __future__ import annotations

import neurenix as nx
from neurenix import nn
from neurenix.arguments import between, whole
from neurenix.errors import ShapeError


class DropBlock(nn.Module):
    """In training squares of each channel's map are 0, so that what lies around a
    feature does not give it away; in evaluation x. Ghiasi, Lin & Le 2018,
    arXiv:1810.12890, algorithm 1.

        a square begins at each place where it fits with probability γ,
        γ = p / b² · H W / ((H − b + 1) (W − b + 1))                      (eq. 1)

    and what stays is multiplied by (all elements) / (elements that stay) of the batch.
    As squares may overlap, somewhat less than p is dropped.

    p            the share to drop
    block_size   b; a map smaller than b × b has one square, itself

    Raises ShapeError for what is no [N, C, H, W].

    >>> DropBlock(0.1, 5).eval()(nx.ones(1, 1, 8, 8)).mean().item()
    1.0
    """

    def __init__(self, p: float = 0.1, block_size: int = 5) -> None:
        super().__init__()
        self.p = between("DropBlock", "p", p, 0.0, 1.0)
        self.block_size = whole("DropBlock", "block_size", block_size, 1)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        if x.ndim != 4:
            raise ShapeError(
                f"DropBlock: an input of shape {x.shape}; expected [N, C, H, W]"
            )
        if not self.training or self.p == 0.0:
            return x
        high, wide = (min(self.block_size, size) for size in x.shape[2:])
        places = (x.shape[2] - high + 1, x.shape[3] - wide + 1)
        share = self.p / (high * wide) * x.shape[2] * x.shape[3]
        rate = min(share / (places[0] * places[1]), 1.0)
        begins = nx.random.bernoulli(rate, (*x.shape[:2], *places)).to(x.dtype)
        covered = _spread(_spread(begins, 2, high), 3, wide)
        kept = (covered == 0.0).to(x.dtype)
        # One at least is counted: where all is dropped the result is 0, not NaN.
        return x * kept * (x.size / nx.maximum(kept.sum(), 1.0))

    def generators(self) -> list[nx.Generator]:
        return [nx.random.default_generator]

    def extra_repr(self) -> str:
        return f"p={self.p:g}, block_size={self.block_size}"


def _spread(x: nx.Tensor, axis: int, size: int) -> nx.Tensor:
    """Above 0 where one of the `size` elements up to here is."""
    total = None
    for before in range(size):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (before, size - 1 - before)
        shifted = nx.pad(x, widths)
        total = shifted if total is None else total + shifted
    assert total is not None
    return total
