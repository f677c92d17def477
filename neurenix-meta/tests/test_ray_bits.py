"""Workers of a Ray cluster give the bits of one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import methods
import numpy as np
import pytest
from ray_nodes import cluster as ray_cluster
from ray_nodes import ray

import neurenix as nx
from neurenix import meta, nn
from neurenix.errors import DeviceError, InvalidArgumentError
from neurenix.meta.datasets import ArrayDataset
from neurenix.meta.distributed import RayStrategy
from neurenix.meta.distributed.ray_pool import RayPool

Ref = ray.ObjectRef


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_cluster(10) as made:
        yield made


def norms(mode: str) -> meta.MetaLearner:
    steps = 2 if mode.startswith("per_step") else None
    network = nn.Sequential(
        nn.Linear(methods.INPUTS, 8),
        nn.BatchNorm1d(8, mode=mode, steps=steps),
        nn.Dropout(0.2),
        nn.Linear(8, methods.WAYS),
    )
    kind = meta.MAMLPlusPlus if steps else meta.MAML
    return kind(network, 0.1, inner_steps=2)


MAKE = {
    **{n: methods.METHODS[n] for n in ("MAML", "Reptile", "PrototypicalNetworks")},
    **{mode: lambda mode=mode: norms(mode) for mode in nn.batch_norm.MODES},
}


def run(name: str, strategy: RayStrategy | None) -> dict[str, Any]:
    """All that comes of training and evaluation, to the bit."""
    nx.manual_seed(0)
    learner, tasks = MAKE[name](), methods.tasks("MAML", 7)
    history = learner.meta_learn(
        tasks,
        epochs=2,
        tasks_per_batch=5,
        progress=False,
        validation=tasks[:3],
        strategy=strategy,
    )
    evaluation = learner.evaluate(tasks, strategy=strategy)
    return {
        "weights": {n: x.numpy().tobytes() for n, x in learner.state_dict().items()},
        "history": {name: history[name] for name in history},
        "scores": {n: x.tobytes() for n, x in evaluation.scores.items()},
        "random": nx.random.default_generator.state_dict(),
    }


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return {name: run(name, None) for name in MAKE}


@pytest.fixture(scope="module")
def workers(cluster: Any) -> Iterator[RayStrategy]:
    with RayStrategy(4) as strategy:
        yield strategy


@pytest.mark.parametrize("count", [4, 3, 2, 1])
def test_any_number_of_workers(
    workers: RayStrategy, count: int, alone: dict[str, Any]
) -> None:
    workers.workers = count
    # All that there is with three workers, one method with the other numbers.
    for name in MAKE if count == 3 else ["MAML"]:
        assert run(name, workers) == alone[name], name


@pytest.mark.nightly
@pytest.mark.usefixtures("cluster")
def test_eight_workers(alone: dict[str, Any]) -> None:
    with RayStrategy(8) as strategy:
        assert run("MAML", strategy) == alone["MAML"]


@pytest.fixture
def two(workers: RayStrategy) -> RayStrategy:
    workers.workers = 2
    return workers


class Sent:
    """What goes to workers: what is put into Ray's store, and with calls."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.put: list[tuple[str, int]] = []
        self.told: dict[str, list[Any]] = {}
        self.with_calls = 0
        put, ticket = ray.put, RayPool._ticket

        def putting(value: object) -> Any:
            size = len(ray.cloudpickle.dumps(value))
            self.put.append((type(value).__name__, size))
            return put(value)

        def calling(pool: RayPool, worker: Any, method: str, *given: Any) -> Any:
            if method == "learn":
                self.told.setdefault(given[0], []).append(given[1])
            size = sum(
                len(ray.cloudpickle.dumps(x)) for x in given if not isinstance(x, Ref)
            )
            self.with_calls = max(self.with_calls, size)
            return ticket(pool, worker, method, *given)

        patch.setattr(ray, "put", putting)
        patch.setattr(RayPool, "_ticket", calling)


def test_data_and_parameters_travel_once_a_node(
    two: RayStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is put into the object store once, and both workers get a reference."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 1, 64, 64), dtype=np.uint8)
    data = ArrayDataset(images, np.arange(60) % 6, name="noise")
    tasks = meta.TaskSampler(data, 3, 1, queries=2, seed=7)
    found = []
    sent: Sent | None = None
    for strategy in (None, two):
        nx.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(4096, 24), nn.Linear(24, 3))
        learner = meta.MAML(network, 0.1, inner_steps=1)
        if strategy is not None:
            sent = Sent(monkeypatch)
        learner.meta_learn(
            tasks,
            tasks_per_batch=6,
            steps_per_epoch=4,
            progress=False,
            strategy=strategy,
        )
        found.append({n: x.tolist() for n, x in learner.state_dict().items()})
    assert found[0] == found[1]
    assert sent is not None
    parameters = 4 * sum(p.size for p in learner.parameters())
    assert [kind for kind, _ in sent.put] == [
        "EndlessSource",
        "Pupil",
        *["ndarray"] * 4,
    ]
    for (_, size), least in zip(sent.put, [images.nbytes, *[parameters] * 5]):
        assert least <= size < least + 20_000
    assert sent.with_calls < 2_000
    # one that has just come is told what the others were told before, too
    both = [references for references in sent.told.values() if len(references) == 2]
    assert len(both) == 2
    for first, second in both:
        assert isinstance(first, Ref) and first == second


def test_functions_of_this_process_travel(two: RayStrategy) -> None:
    """A loss that only this process knows."""

    def loss(output: nx.Tensor, target: nx.Tensor) -> nx.Tensor:
        return nn.functional.cross_entropy(output * 2, target)

    found = []
    for strategy in (None, two):
        nx.manual_seed(0)
        network = meta.MLP([methods.INPUTS, methods.WAYS])
        learner = meta.MAML(network, 0.1, inner_steps=1, loss=loss)
        learner.meta_learn(methods.tasks("MAML"), progress=False, strategy=strategy)
        found.append({n: x.tolist() for n, x in learner.state_dict().items()})
    assert found[0] == found[1]


@pytest.mark.usefixtures("cluster")
def test_steps_apart(alone: dict[str, Any]) -> None:
    found = []
    for workers in (1, 2):
        with RayStrategy(workers, steps_apart=2) as strategy:
            found.append(run("Reptile", strategy))
    assert found[0] == alone["Reptile"]
    assert found[1]["weights"] != alone["Reptile"]["weights"]


# ---- what cannot be ------------------------------------------------------------------


@pytest.mark.usefixtures("cluster")
def test_more_workers_than_there_is_room_for() -> None:
    message = r"workers=11.*each takes 1 CPU.*2 nodes \(.*\) has room for 10"
    with pytest.raises(InvalidArgumentError, match=message):
        run("MAML", RayStrategy(11))


@pytest.mark.usefixtures("cluster")
def test_resources_that_the_cluster_has_not() -> None:
    strategy = RayStrategy(1, resources={"CPU": 1, "GPU": 1})
    with pytest.raises(InvalidArgumentError, match=r"1 CPU, 1 GPU.*room for 0"):
        run("MAML", strategy)


@pytest.mark.usefixtures("cluster")
def test_workers_with_another_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if nx.current_device().type != nx.DeviceType("cpu"):
        pytest.skip("the setting is the engine's for CPUs")
    monkeypatch.setenv("NEURENIX_CPU_WINOGRAD", "0")
    message = "convolutions: Winograd's.* this process with convolutions: plain sums"
    with RayStrategy(1) as strategy, pytest.raises(DeviceError, match=message):
        run("MAML", strategy)


class Holding(nn.Module):
    """Has an attribute that no other process can have."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(methods.INPUTS, methods.WAYS)
        self.parts = [threading.Lock()]

    def forward(self, x: nx.Tensor) -> nx.Tensor:
        return self.linear(x)


def test_a_model_that_cannot_be_sent(two: RayStrategy) -> None:
    learner = meta.MAML(Holding(), 0.1)
    before = learner.state_dict()
    with pytest.raises(
        InvalidArgumentError, match=r"MAML\.model\.parts\[0\] is a lock"
    ):
        learner.meta_learn(methods.tasks("MAML"), progress=False, strategy=two)
    for name, value in learner.state_dict().items():
        assert value.tolist() == before[name].tolist()


def test_a_loss_that_cannot_be_sent(two: RayStrategy) -> None:
    lock = threading.Lock()

    def loss(output: nx.Tensor, target: nx.Tensor) -> nx.Tensor:
        with lock:
            return nn.functional.cross_entropy(output, target)

    learner = meta.MAML(meta.MLP([methods.INPUTS, methods.WAYS]), 0.1, loss=loss)
    with pytest.raises(
        InvalidArgumentError, match=r"MAML\._loss, its variable lock is"
    ):
        learner.meta_learn(methods.tasks("MAML"), progress=False, strategy=two)
