"""What is measured at several sizes: meta-steps of MAML, by the public API only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import MAML, MLP, Episode

Shape = tuple[int, ...]


class Attention(nn.Module):
    """One block over sequences [n, length, width], then a value."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiHeadAttention(width, 1)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        x = self.norm(x + self.attention(x, x, x))
        return self.head(x.mean(dim=1))


class Recurrent(nn.Module):
    """A GRU over sequences [n, length, width], then a value from its last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        outputs, _ = self.gru(x)
        return self.head(outputs[:, -1])


def convolution(channels: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width, mode="transductive"),
    )


class ResidualBlock(nn.Module):
    """relu(x + two convolutions of x), on [n, width, height, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = convolution(width, width)

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        return nx.relu(x + self.second(nx.relu(self.first(x))))


def residual(width: int) -> nn.Module:
    """A convolution, two residual blocks, the global mean, a value."""
    return nn.Sequential(
        convolution(3, width),
        nn.ReLU(),
        ResidualBlock(width),
        ResidualBlock(width),
        nn.GlobalAveragePool2d(),
        nn.Linear(width, 1),
    )


def mlp(width: int) -> nn.Module:
    return MLP([1, width, width, 1])


def mlp_tanh(width: int) -> nn.Module:
    return MLP([1, width, width, 1], nn.Tanh)


# By name: the network of a width, and the shape of one example.
NETWORKS: dict[str, tuple[Callable[[int], nn.Module], Callable[[int], Shape]]] = {
    "mlp": (mlp, lambda width: (1,)),
    "mlp tanh": (mlp_tanh, lambda width: (1,)),
    "attention": (Attention, lambda width: (16, width)),
    "gru": (Recurrent, lambda width: (16, width)),
    "resnet": (residual, lambda width: (3, 14, 14)),
}


@dataclass(frozen=True)
class Case:
    network: str = "mlp"
    tasks: int = 8
    steps: int = 1
    width: int = 40
    examples: int = 10
    threads: int = 1

    def __str__(self) -> str:
        return (
            f"{self.network}, {self.tasks} tasks, {self.steps} steps, "
            f"width {self.width}, {self.examples} examples, {self.threads} threads"
        )

    def meta_step(self) -> tuple[nx.Compiled, list[nx.Tensor]]:
        """A compiled meta-step, and a batch for it."""
        nx.init({"threads": self.threads})
        nx.manual_seed(0)
        make, shape = NETWORKS[self.network]
        learner = MAML(make(self.width), inner_lr=0.01, inner_steps=self.steps)
        parameters = dict(learner.named_parameters())
        adam = optim.Adam(parameters.values(), lr=1e-3)

        def step(*tasks: nx.Tensor) -> nx.Tensor:
            values = learner.learned()

            def one(*task: nx.Tensor) -> Any:
                outcome, gradient = learner.task_gradient(values, Episode(*task, None))
                return outcome.loss, gradient

            with nx.no_grad():
                loss, gradient = nx.map(one, reduce="mean")(*tasks)
                adam.step([gradient[name] for name in parameters])
            return loss

        random = np.random.default_rng(0)
        lead = (self.tasks, self.examples)
        x = [random.normal(size=(*lead, *shape(self.width))) for _ in range(2)]
        y = [random.normal(size=(*lead, 1)) for _ in range(2)]
        batch = [nx.tensor(a.astype(np.float32)) for a in (x[0], y[0], x[1], y[1])]
        return nx.compile(step, state=[learner, adam]), batch


def powers(first: int, last: int) -> list[int]:
    return [2**k for k in range(first, last + 1)]


def sweeps(cores: int) -> dict[str, list[Case]]:
    """By name: cases of which each is compared with the one before it."""
    base = Case()
    found = {
        "tasks": [replace(base, tasks=n) for n in powers(0, 8)],
        "inner steps": [replace(base, steps=n) for n in powers(0, 5)],
        "width": [replace(base, width=n) for n in powers(4, 9)],
        "threads": [replace(base, tasks=32, threads=n) for n in range(1, cores + 1)],
    }
    for name, widths in (
        ("attention", (32, 64, 128)),
        ("gru", (32, 64, 128)),
        ("resnet", (16, 32, 64)),
    ):
        few = replace(base, network=name, tasks=2, examples=5)
        found[name] = [replace(few, width=n) for n in widths]
    return found


def neighbours() -> list[tuple[Case, Case]]:
    """Pairs that differ in one number that fits no vector; the second is held against
    the first, by time per operation."""
    base = Case()
    pairs = [
        (base, replace(base, width=37)),
        (base, replace(base, examples=11)),
        (base, replace(base, tasks=7)),
        (base, replace(base, network="mlp tanh")),
        (replace(base, width=256), replace(base, width=250)),
    ]
    for name in ("attention", "gru", "resnet"):
        few = Case(network=name, tasks=2, examples=5)
        pairs += [(few, replace(few, width=37)), (few, replace(few, examples=6))]
    return pairs
