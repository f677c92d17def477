"""Golden numbers: in how many launches and levels the parts of a step run that have a
mean or a sum in them, and Adam over a whole network. Nothing runs: plans are lowered
for an H100."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from cuda_emulated import ROOT, require_built

import neurenix as nx
from neurenix.nn import functional as F

require_built()
sys.path.insert(0, str(ROOT / "benchmarks" / "gpu"))
from cost import H100  # type: ignore[import-not-found]  # noqa: E402
from launches import listed_on  # type: ignore[import-not-found]  # noqa: E402

# A Conv-4 of 64 filters on 25 images, its convolutions with biases, and a head.
IMAGES, CHANNELS = (25, 64, 28, 28), 64
FILTERS = [(64, 1, 3, 3), *[(64, 64, 3, 3)] * 3]
PARAMETERS = [*FILTERS, *[(64,)] * 12, (5, 256), (5,)]
LOGITS = (100, 20)


def normed(x: nx.Tensor, scale: nx.Tensor, shift: nx.Tensor) -> nx.Tensor:
    return F.batch_norm(x, weight=scale, bias=shift)


def gradients(g: nx.Tensor, *inputs: nx.Tensor) -> Any:
    return nx.vjp(normed, *inputs)[1](g)


def second(u: nx.Tensor, g: nx.Tensor, *inputs: nx.Tensor) -> Any:
    """Of what the images get: its gradients by all that it depends on."""
    return nx.vjp(lambda *of: gradients(*of)[0], g, *inputs)[1](u)


def adam() -> tuple[Callable[..., Any], list[nx.Tensor]]:
    parameters = [nx.nn.Parameter(nx.ones(shape)) for shape in PARAMETERS]
    optimizer = nx.optim.Adam(parameters)
    gradients = [nx.ones(shape) for shape in PARAMETERS]
    step = nx.compile(lambda *g: optimizer.step(g), state=[optimizer, *parameters])
    return step, gradients


def of(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Any:
    return lambda: (nx.compile(function), [nx.ones(shape) for shape in shapes])


def labelled(function: Callable[..., Any]) -> Any:
    def made() -> Any:
        labels = nx.arange(LOGITS[0], dtype=nx.int32) % LOGITS[1]
        return nx.compile(function), [nx.ones(LOGITS), labels]

    return made


NORM = (IMAGES, (CHANNELS,), (CHANNELS,))
PARTS = {
    "batch norm": of(normed, *NORM),
    "its gradients": of(gradients, IMAGES, *NORM),
    "its second gradients": of(second, IMAGES, IMAGES, *NORM),
    "cross-entropy": labelled(F.cross_entropy),
    "with its gradient": labelled(nx.value_and_grad(F.cross_entropy)),
    "Adam over 18 tensors": adam,
}
# launches and levels, at most
MOST = {
    "batch norm": (3, 3),
    "its gradients": (3, 3),
    "its second gradients": (5, 5),
    "cross-entropy": (2, 2),
    "with its gradient": (3, 3),
    "Adam over 18 tensors": (2, 2),
}


@pytest.mark.parametrize("name", PARTS)
def test_launches_of_a_part(name: str) -> None:
    listing = listed_on(H100)
    nx.init({"device": listing.device})
    launches = listing.of(*PARTS[name]()).launches
    nx.init({"device": "cpu"})
    numbers = (len(launches), 1 + max(launch.level for launch in launches))
    assert all(n <= most for n, most in zip(numbers, MOST[name], strict=True)), numbers
