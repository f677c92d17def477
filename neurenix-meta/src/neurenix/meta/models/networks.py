"""Ready-made networks: the few-shot Conv-4, and multi-layer perceptrons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import neurenix as nx
from neurenix import nn
from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError, ShapeError

KERNEL = 3
DEPTH = 4
HEADS: dict[str, type[nn.Module]] = {
    "flatten": nn.Flatten,
    "mean": nn.GlobalAveragePool2d,
}


class Conv4(nn.Module):
    """Four blocks of 3×3 convolution, batch norm, ReLU and downsampling by two.

    in_channels    1 for drawings, 3 for photographs
    hidden         filters of each block
    ways           classes: after the head a linear layer to [n, ways]. None: the head
                   alone
    head           what becomes of the last map: "flatten", [n, hidden · h · w] (64 for
                   drawings of 28 × 28, 1,600 for photographs of 84 × 84), or its
                   "mean", [n, hidden]. By default the mean before a linear layer, else
                   flat
    image_size     height and width of the images, of which the linear layer's size
                   follows; only for ways with head="flatten"
    downsampling   "pool": a max-pool of 2 × 2 after each block (Snell et al. 2017,
                   Vinyals et al. 2016); "stride": convolutions of stride 2 (Finn et al.
                   2017 on Omniglot)
    batch_norm     a mode of `nn.BatchNorm2d`; None: no batch norm
    steps          of a batch_norm of steps: its rows

    >>> Conv4()(nx.ones(2, 1, 28, 28)).shape
    (2, 64)
    >>> Conv4(ways=5, downsampling="stride")(nx.ones(2, 1, 28, 28)).shape
    (2, 5)

    The networks of the mini-ImageNet papers: with 32 filters and a linear layer on 800
    numbers in Finn et al. 2017 and Ravi & Larochelle 2017, with 64 filters and without
    one in Snell et al. 2017.

    >>> maml = Conv4(3, 32, 5, head="flatten", batch_norm="transductive")
    >>> maml.head[1], maml(nx.ones(1, 3, 84, 84)).shape
    (Linear(800, 5), (1, 5))

    Raises InvalidArgumentError for settings that it does not know, ShapeError for
    images of another size than a flat head was made for.
    """

    def __init__(
        self,
        in_channels: int = 1,
        hidden: int = 64,
        ways: int | None = None,
        *,
        head: str | None = None,
        image_size: int = 84,
        downsampling: str = "pool",
        batch_norm: str | None = "running",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        if downsampling not in ("pool", "stride"):
            raise InvalidArgumentError(
                f'Conv4: downsampling={downsampling!r}; expected "pool" or "stride"'
            )
        chosen = head or ("flatten" if ways is None else "mean")
        if chosen not in HEADS:
            raise InvalidArgumentError(
                f'Conv4: head={head!r}; expected "flatten" or "mean"'
            )
        channels = whole("Conv4", "in_channels", in_channels, 1)
        hidden = whole("Conv4", "hidden", hidden, 1)
        stride = 2 if downsampling == "stride" else 1
        blocks: list[nn.Module] = []
        for _ in range(DEPTH):
            # What follows a bias would take it away again, if it normalises.
            layers: list[nn.Module] = [
                nn.Conv2d(
                    channels,
                    hidden,
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
        self.head: nn.Module = HEADS[chosen]()
        self.image_size: int | None = None
        if ways is not None:
            features = hidden
            if chosen == "flatten":
                self.image_size = whole("Conv4", "image_size", image_size, 1)
                features *= _last_map(self.image_size, downsampling) ** 2
            linear = nn.Linear(features, whole("Conv4", "ways", ways, 1))
            self.head = nn.Sequential(self.head, linear)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        size = self.image_size
        if size is not None and x.shape[-2:] != (size, size):
            raise ShapeError(
                f"Conv4: images of shape {x.shape}, where its flat head is for "
                f"{size} × {size}; make it with image_size={x.shape[-1]}, or "
                'head="mean", which takes any'
            )
        output: nx.Tensor = self.head(self.blocks(x))
        return output


def _last_map(size: int, downsampling: str) -> int:
    """Height and width of the last map of images of that size."""
    left = size
    for _ in range(DEPTH):
        left = left // 2 if downsampling == "pool" else (left + 1) // 2
    if not left:
        raise InvalidArgumentError(
            f"Conv4: image_size={size}; {DEPTH} times halved nothing is left of it"
        )
    return left


def _made(activation: Callable[[], nn.Module]) -> nn.Module:
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
