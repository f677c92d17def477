"""Ready-made networks: the few-shot Conv-4, and multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError

from .checks import whole_number

KERNEL = 3
DEPTH = 4


class Conv4(nn.Module):
    """Four blocks of 3×3 convolution, batch norm, ReLU and downsampling by two.

    in_channels    1 for drawings, 3 for photographs
    hidden         filters of each block
    ways           classes: the last map's mean, then a linear layer to [n, ways].
                   None: the last map, flattened, [n, hidden · h · w] (64 for drawings
                   of 28 × 28)
    downsampling   "pool": a max-pool of 2 × 2 after each block (Snell et al. 2017,
                   Vinyals et al. 2016); "stride": convolutions of stride 2 (Finn et al.
                   2017 on Omniglot)
    batch_norm     a mode of `nn.BatchNorm2d`; None: no batch norm
    steps          of a batch_norm of steps: its rows

    >>> Conv4()(nx.ones(2, 1, 28, 28)).shape
    (2, 64)
    >>> Conv4(ways=5, downsampling="stride")(nx.ones(2, 1, 28, 28)).shape
    (2, 5)
    """

    def __init__(
        self,
        in_channels: int = 1,
        hidden: int = 64,
        ways: int | None = None,
        *,
        downsampling: str = "pool",
        batch_norm: str | None = "running",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        if downsampling not in ("pool", "stride"):
            raise InvalidArgumentError(
                f'Conv4: downsampling={downsampling!r}; expected "pool" or "stride"'
            )
        channels = whole_number("in_channels", in_channels)
        stride = 2 if downsampling == "stride" else 1
        blocks: list[nn.Module] = []
        for _ in range(DEPTH):
            # What follows a bias would take it away again, if it normalises.
            layers: list[nn.Module] = [
                nn.Conv2d(
                    channels,
                    whole_number("hidden", hidden),
                    KERNEL,
                    stride=stride,
                    padding=1,
                    bias=batch_norm is None,
                )
            ]
            if batch_norm is not None:
                layers.append(nn.BatchNorm2d(hidden, mode=batch_norm, steps=steps))
            layers.append(nn.ReLU())
            if downsampling == "pool":
                layers.append(nn.MaxPool2d(2))
            blocks.append(nn.Sequential(layers))
            channels = hidden
        self.blocks = nn.Sequential(blocks)
        self.head: nn.Module = nn.Flatten()
        if ways is not None:
            linear = nn.Linear(hidden, whole_number("ways", ways))
            self.head = nn.Sequential(nn.GlobalAveragePool2d(), linear)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        output: nx.Tensor = self.head(self.blocks(x))
        return output


def _made(activation: Any) -> nn.Module:
    """A layer, of its class (or of what makes one without arguments)."""
    try:
        layer = activation()
    except TypeError:
        layer = None
    if not isinstance(layer, nn.Module):
        raise InvalidArgumentError(
            f"MLP: activation={activation!r}; expected a class of layers, like nn.ReLU"
        )
    return layer


class MLP(nn.Sequential):
    """Linear layers of the given sizes, with an activation between them.

    >>> MLP([1, 40, 40, 1])(nx.ones(10, 1)).shape
    (10, 1)
    """

    def __init__(
        self, sizes: Sequence[int], activation: type[nn.Module] = nn.ReLU
    ) -> None:
        if not isinstance(sizes, (list, tuple)) or len(sizes) < 2:
            raise InvalidArgumentError(
                f"MLP: sizes={sizes!r}; expected the input's and the output's, and any "
                "between"
            )
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), _made(activation)]
        super().__init__(layers[:-1])
