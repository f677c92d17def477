"""Same seed, same bits: for any number of threads, and however tasks are chunked."""

import hashlib
from collections.abc import Callable, Iterator

import pytest

import neurenix as nx
from neurenix import nn
from neurenix.meta import (
    MAML,
    MLP,
    Conv4,
    MetaLearner,
    PrototypicalNetworks,
    Reptile,
    TaskSampler,
    generate_regression_tasks,
)
from neurenix.meta.datasets import Glyphs

TASKS_PER_BATCH = 4


def sine(learner: MetaLearner, chunk: int) -> MetaLearner:
    tasks = generate_regression_tasks(10, 10)  # the last batch is a smaller one
    learner.meta_learn(tasks, None, 3, TASKS_PER_BATCH, progress=False, chunk=chunk)
    return learner


def drawings(learner: MetaLearner, chunk: int) -> MetaLearner:
    tasks = TaskSampler(Glyphs(classes=20), 5, 1, 2, seed=1, tasks=8)
    learner.meta_learn(tasks, None, 1, TASKS_PER_BATCH, progress=False, chunk=chunk)
    return learner


def dropout() -> nn.Module:
    layers = [nn.Linear(1, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1)]
    return nn.Sequential(layers)


RUNS: dict[str, Callable[[int], MetaLearner]] = {
    "maml": lambda chunk: sine(MAML(MLP([1, 40, 40, 1])), chunk),
    "maml with dropout": lambda chunk: sine(MAML(dropout(), inner_steps=2), chunk),
    "reptile": lambda chunk: sine(Reptile(MLP([1, 40, 40, 1])), chunk),
    "maml conv4": lambda chunk: drawings(
        MAML(
            Conv4(hidden=16, ways=5, downsampling="stride", batch_norm="transductive"),
            inner_lr=0.4,
            inner_steps=2,
        ),
        chunk,
    ),
    "prototypical conv4": lambda chunk: drawings(
        PrototypicalNetworks(Conv4(hidden=16)), chunk
    ),
}


def bits(name: str, threads: int, chunk: int) -> str:
    nx.init({"device": "cpu", "threads": threads})
    nx.manual_seed(7)
    learner = RUNS[name](chunk)
    whole = hashlib.sha256()
    for value in learner.state_dict().values():
        whole.update(value.numpy().tobytes())
    return whole.hexdigest()


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    if not nx.get_device_count("cpu"):
        pytest.skip("the CPU engine is not installed")
    yield
    nx.init({"device": "cpu"})


@pytest.mark.parametrize("name", RUNS)
def test_bits_depend_on_neither_threads_nor_chunks(name: str) -> None:
    wanted = bits(name, threads=2, chunk=0)
    found = {(t, c): bits(name, t, c) for t in (1, 2) for c in (0, 1, 3, 4)}
    assert found == dict.fromkeys(found, wanted)


def test_another_seed_gives_other_bits() -> None:
    def first_weight(seed: int) -> list[float]:
        nx.manual_seed(seed)
        weights: list[float] = MLP([1, 4, 1])[0].weight.numpy().ravel().tolist()
        return weights

    nx.init({"device": "cpu"})
    assert first_weight(1) == first_weight(1) != first_weight(2)
