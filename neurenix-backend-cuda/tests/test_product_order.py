"""The order in which products and convolutions add on the emulated CUDA engine: the
same bits for a task whatever the number of tasks and the chunk, on the whole device and
within a task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cuda_emulated import register

import neurenix as nx
from neurenix import Tensor
from neurenix.nn import functional as F
from neurenix.passes import tasks

DEVICE = register()
TASKS = 32
Task = Callable[..., Tensor]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolution(x: Tensor, w: Tensor) -> Tensor:
    return F.conv2d(x, w, stride=2, padding=1)


def squares(x: Tensor, w: Tensor) -> Tensor:
    return (convolution(x, w) ** 2).sum()


# A task and the shapes of its arguments. More terms than a segment has: the sizes at
# which the number of tasks chooses between lanes, units, tiles and parts.
CASES: dict[str, tuple[Task, tuple[int, ...], tuple[int, ...]]] = {
    "x @ y.T": (lambda x, y: x @ y.mT, (5, 400), (25, 400)),
    "x.T @ y": (lambda x, y: x.mT @ y, (700, 6), (700, 5)),
    "wide x.T @ y": (lambda x, y: x.mT @ y, (300, 33), (300, 20)),
    "sum of x.T @ x": (lambda x, y: (x.mT @ x).sum(0) * y, (333, 7), (7,)),
    "x * y": (lambda x, y: x @ y, (3000,), (3000,)),
    "convolution": (convolution, (2, 20, 7, 7), (6, 20, 3, 3)),
    "gradient of the image": (nx.grad(squares, 0), (2, 4, 7, 7), (70, 4, 3, 3)),
    "gradient of the kernel": (nx.grad(squares, 1), (6, 3, 13, 13), (4, 3, 3, 3)),
}


def arguments(name: str, count: int = TASKS) -> list[Tensor]:
    return [
        nx.tensor(numbers(TASKS, *shape, seed=seed)[:count], device=DEVICE)
        for seed, shape in enumerate(CASES[name][1:])
    ]


def bits(function: Task, name: str, count: int = TASKS) -> list[bytes]:
    """Of each task."""
    found = nx.compile(function)(*arguments(name, count)).numpy()
    return [task.tobytes() for task in found]


@pytest.mark.parametrize("name", CASES)
def test_a_task_has_the_same_bits_in_any_company(name: str) -> None:
    task = CASES[name][0]
    right = bits(nx.vmap(task), name)
    for count in (1, 3, 7):
        assert bits(nx.vmap(task), name, count) == right[:count], count
    alone = nx.compile(task)(*(x[0] for x in arguments(name))).numpy()
    assert alone.tobytes() == right[0]


@pytest.mark.parametrize("kept", [True, False], ids=["a block each", "expanded"])
@pytest.mark.parametrize("name", CASES)
def test_any_chunk_of_a_map(
    name: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = CASES[name][0]
    right = bits(nx.vmap(task), name)
    asked = []

    def decide(*_: object) -> bool:
        asked.append(name)
        return kept

    monkeypatch.setattr(tasks, "_is_kept", decide)
    for chunk in (0, 1, 5):
        assert bits(nx.map(task, chunk=chunk), name) == right, chunk
    assert len(asked) >= 3


def test_the_order_of_terms_is_not_that_of_strides() -> None:
    """Two axes are added over; in memory either of them may be the inner one."""
    x, y = numbers(4, 20, 30), numbers(20, 30, 3, seed=1)

    def product(x: Tensor, y: Tensor) -> Tensor:
        return nx.einsum("mij,ijn->mn", x, y)

    def turned(x: Tensor, y: Tensor) -> Tensor:
        return product(x.permute(0, 2, 1), y.permute(1, 0, 2))

    straight = nx.compile(product)(
        nx.tensor(x, device=DEVICE), nx.tensor(y, device=DEVICE)
    )
    other = nx.compile(turned)(
        nx.tensor(x.swapaxes(1, 2).copy(), device=DEVICE),
        nx.tensor(y.swapaxes(0, 1).copy(), device=DEVICE),
    )
    assert straight.numpy().tobytes() == other.numpy().tobytes()
