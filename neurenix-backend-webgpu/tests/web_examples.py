"""Programs that tests export for the web, each with inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import neurenix as nx
from neurenix import nn
from neurenix.meta import MAML, Conv4, Episode, PrototypicalNetworks

WAYS = 3
SIDE = 16


def _images(rng: np.random.Generator, count: int) -> Any:
    return rng.uniform(0, 1, (count, 1, SIDE, SIDE)).astype(np.float32)


def task(seed: int) -> dict[str, Any]:
    """A support set of two images a class, and four queries."""
    rng = np.random.default_rng(seed)
    return {
        "support_x": _images(rng, 2 * WAYS),
        "support_y": np.repeat(np.arange(WAYS, dtype=np.int32), 2),
        "query_x": _images(rng, 4),
    }


def prototypical() -> Any:
    """Prototypical Networks over a small Conv-4, whose functions share the weights."""
    nx.manual_seed(0)
    network = Conv4(1, 6, downsampling="stride")
    return PrototypicalNetworks(network).as_function(ways=WAYS)


def maml() -> Any:
    """MAML's gradient steps on a layered network."""
    nx.manual_seed(1)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(SIDE * SIDE, 8), nn.Tanh(), nn.Linear(8, WAYS)
    )
    return MAML(network, inner_lr=0.1, inner_steps=2).as_function(ways=WAYS)


def convolutional_maml() -> Any:
    """The same on a small Conv-4."""
    nx.manual_seed(1)
    network = Conv4(1, 4, WAYS, image_size=SIDE, batch_norm="transductive")
    return MAML(network, inner_lr=0.1, inner_steps=2).as_function(ways=WAYS)


def dtypes(path: Path) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """An artefact of every dtype, of odd lengths; inputs, and what it makes of them."""

    def mixed(
        pixels: nx.Tensor, mask: nx.Tensor, index: nx.Tensor, bits: nx.Tensor
    ) -> dict[str, nx.Tensor]:
        return {
            "bright": nx.where(mask, pixels + 100, pixels),
            "odd": pixels % 2 == 1,
            "picked": pixels[index],
            "turned": bits * 3 + 1,
            "scaled": pixels.to(nx.float32) / 255,
            "none": pixels[:0],
        }

    given = {
        "pixels": np.array([0, 7, 200, 255, 100, 31, 9], np.uint8),
        "mask": np.array([1, 0, 1, 1, 0, 1, 0], bool),
        "index": np.array([6, 0, 3], np.int32),
        "bits": np.array([1, 2**31, 2**32 - 1], np.uint32),
    }
    tensors = {name: nx.tensor(x) for name, x in given.items()}
    nx.export(mixed, tensors, path, "web")
    wanted = {n: y.numpy().astype(float).tolist() for n, y in mixed(**tensors).items()}
    return plain(given), wanted


def meta_step() -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A step of meta-training of second-order MAML, with Adam; and a batch."""
    nx.manual_seed(2)
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, WAYS))
    return _meta_step(network), meta_batch(0)


def pooled_meta_step() -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The same on a convolution whose result is pooled, which chooses by argmax."""
    nx.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8, WAYS),
    )
    return _meta_step(network), meta_batch(0, (1, 4, 4))


def _meta_step(network: nn.Module) -> Callable[..., Any]:
    learner = MAML(network, inner_lr=0.1, inner_steps=2)
    optimizer = nx.optim.Adam(learner.parameters(), lr=0.01)
    names = [name for name, _ in learner.named_parameters()]

    def step(
        support_x: Any, support_y: Any, query_x: Any, query_y: Any
    ) -> dict[str, Any]:
        def one(x: Any, y: Any, query_x: Any, query_y: Any) -> Any:
            episode = Episode(x, y, query_x, query_y, ways=WAYS)
            outcome, gradient = learner.task_gradient(learner.learned(), episode)
            return outcome.loss, gradient

        mean = nx.map(one, reduce="mean")
        loss, gradient = mean(support_x, support_y, query_x, query_y)
        optimizer.step([gradient[name] for name in names])
        return {"loss": loss}

    return nx.compile(step, state=[learner, optimizer])


def meta_batch(seed: int, shape: tuple[int, ...] = (6,)) -> tuple[Any, ...]:
    """Four tasks: inputs and labels of the support sets, then of the queries."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (2, 4, 6, *shape)).astype(np.float32)
    y = np.broadcast_to(np.arange(6, dtype=np.int32) % WAYS, (4, 6))
    return x[0], np.array(y), x[1], np.array(y)


def exported(path: Path, make: Callable[[], Any]) -> tuple[Path, Any]:
    """An artefact of a learner's two parts, and the functions."""
    functions = make()
    given = {name: nx.tensor(value) for name, value in task(0).items()}
    adapted = functions.adapt(given["support_x"], given["support_y"])
    nx.export(
        {"adapt": functions.adapt, "predict": functions.predict},
        {
            "adapt": (given["support_x"], given["support_y"]),
            "predict": (adapted, given["query_x"]),
        },
        path,
        "web",
    )
    return path, functions


def expected(functions: Any, given: Mapping[str, Any]) -> Any:
    """The scores that the device here computes."""
    tensors = {name: nx.tensor(value) for name, value in given.items()}
    return functions(**tensors)["scores"].numpy()


def plain(given: Mapping[str, Any]) -> dict[str, list[float]]:
    """Inputs as lists, for JSON."""
    return {name: value.reshape(-1).tolist() for name, value in given.items()}
