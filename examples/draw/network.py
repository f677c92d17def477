"""The two networks of the page: four convolutions of stride 2, normalised by group."""

import neurenix as nx
from neurenix import nn

SIZE = 28  # pixels, of height and width
WAYS = 5
CHANNELS = (32, 32, 32, 64)
_GROUPS = 8


class Embedding(nn.Sequential):
    """Images [n, 1, 28, 28], ink 1, as vectors [n, 256].

    Conv-4 as MAML has it for Omniglot (Finn et al. 2017, section 5.2: strides instead
    of pooling), with 32 channels and group instead of batch norm: what it makes of one
    drawing does not depend on what else lies in its batch, so that a page can embed
    drawings one by one, and fill up a support set of fewer than 25.
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        before = 1
        for channels in CHANNELS:
            layers += [
                nn.Conv2d(before, channels, 3, stride=2, padding=1),
                nn.GroupNorm(_GROUPS, channels),
                nn.ReLU(),
            ]
            before = channels
        super().__init__(*layers, nn.Flatten())


class Classifier(nn.Module):
    """The same with a head: logits [n, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.body = Embedding()
        self.head = nn.Linear(CHANNELS[-1] * 4, WAYS)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        logits: nx.Tensor = self.head(self.body(x))
        return logits
