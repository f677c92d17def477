"""ResNet-12: the deeper of the networks that few-shot papers use."""

from __future__ import annotations

from collections.abc import Sequence

import neurenix as nx
from neurenix import nn
from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

from .drop_block import DropBlock

SLOPE = 0.1
BLOCKS = 4


class ResidualBlock(nn.Module):
    """Three 3×3 convolutions with batch norm and a shortcut by a 1×1 one, then a
    max-pool of 2 × 2: [N, C, H, W] to [N, channels, H / 2, W / 2]."""

    def __init__(
        self, in_channels: int, channels: int, batch_norm: str, steps: int | None
    ) -> None:
        super().__init__()

        def convolution(inputs: int, size: int) -> list[nn.Module]:
            conv = nn.Conv2d(inputs, channels, size, padding=size // 2, bias=False)
            return [conv, nn.BatchNorm2d(channels, mode=batch_norm, steps=steps)]

        self.path = nn.Sequential(
            *convolution(in_channels, 3),
            nn.LeakyReLU(SLOPE),
            *convolution(channels, 3),
            nn.LeakyReLU(SLOPE),
            *convolution(channels, 3),
        )
        self.shortcut = nn.Sequential(*convolution(in_channels, 1))
        self.activation = nn.LeakyReLU(SLOPE)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        total = self.path(x) + self.shortcut(x)
        output: nx.Tensor = self.pool(self.activation(total))
        return output


class ResNet12(nn.Module):
    """Four residual blocks of three convolutions each, as in TADAM (Oreshkin et al.
    2018, arXiv:1805.10123) and, with these filters and DropBlock, MetaOptNet (Lee et
    al. 2019, arXiv:1904.03758, section 4.1).

    in_channels   1 for drawings, 3 for photographs
    filters       of the four blocks
    ways          classes: the last map's mean, then a linear layer to [n, ways]. None:
                  the last map, flattened, [n, filters[3] · h · w] (16,000 for
                  photographs of 84 × 84)
    dropout       of elements, after the first two blocks
    drop_block    of squares of 5 × 5, after the last two; 0 for neither
    batch_norm    a mode of `nn.BatchNorm2d`
    steps         of a batch_norm of steps: its rows

    Each block halves height and width; 16 × 16 is the least.

    >>> ResNet12(1, (4, 8, 8, 16), ways=5)(nx.ones(2, 1, 28, 28)).shape
    (2, 5)
    """

    def __init__(
        self,
        in_channels: int = 3,
        filters: Sequence[int] = (64, 160, 320, 640),
        ways: int | None = None,
        *,
        dropout: float = 0.1,
        drop_block: float = 0.1,
        batch_norm: str = "running",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(filters, Sequence) or len(filters) != BLOCKS:
            raise InvalidArgumentError(
                f"ResNet12: filters={filters!r}; expected {BLOCKS} numbers, one a block"
            )
        channels = whole("ResNet12", "in_channels", in_channels, 1)
        layers: list[nn.Module] = []
        for number, width in enumerate(filters):
            width = whole("ResNet12", "filters", width, 1)
            layers.append(ResidualBlock(channels, width, batch_norm, steps))
            early = number < BLOCKS // 2
            layers.append(nn.Dropout(dropout) if early else DropBlock(drop_block))
            channels = width
        self.blocks = nn.Sequential(layers)
        self.head: nn.Module = nn.Flatten()
        if ways is not None:
            linear = nn.Linear(channels, whole("ResNet12", "ways", ways, 1))
            self.head = nn.Sequential(nn.GlobalAveragePool2d(), linear)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        output: nx.Tensor = self.head(self.blocks(x))
        return output
