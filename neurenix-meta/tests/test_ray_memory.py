"""Memory stays bounded however many steps are made: in every process of a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray_nodes import cluster, process_of, workers

from neurenix import meta
from neurenix.meta.distributed import RayStrategy

# Ray's own processes keep notes of the last tasks, up to a bound of theirs.
_ROOM = 24 << 20


@pytest.fixture(scope="module")
def strategy() -> Iterator[tuple[RayStrategy, list[int]]]:
    with cluster(2) as made, RayStrategy(2) as started:
        own = [
            p.process.pid
            for node in (made.head_node, *made.worker_nodes)
            for some in node.all_processes.values()
            for p in some
        ]
        yield started, own


def resident(process: int) -> int:
    """Bytes of memory that a process has for itself."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = [x for x in text.splitlines() if x.startswith("RssAnon")]
    return int(line.split()[1]) << 10


@pytest.mark.parametrize(
    "steps", [300, pytest.param(10_000, marks=pytest.mark.nightly)]
)
def test_memory_of_every_process(
    strategy: tuple[RayStrategy, list[int]], steps: int
) -> None:
    """Of parameters that go by the object store (68 kB)."""
    crew, of_ray = strategy
    network = meta.MLP([1, 128, 128, 1])
    learner = meta.MAML(network, 0.01, inner_steps=1)
    tasks = meta.generate_regression_tasks(8, 5, seed=0)

    def train(count: int) -> None:
        learner.meta_learn(
            tasks,
            epochs=count // 2,
            tasks_per_batch=4,
            progress=False,
            strategy=crew,
        )

    def memory() -> dict[int, int]:
        mine = map(process_of, workers(crew))
        return {process: resident(process) for process in (os.getpid(), *mine, *of_ray)}

    train(100)
    before = memory()
    train(steps)
    after = memory()
    assert after.keys() == before.keys()
    for process, size in after.items():
        assert size - before[process] < _ROOM, (process, before, after)
