"""One process and several workers, run and compared to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from here_crew import HereCrew

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.meta.datasets import ArrayDataset
from neurenix.meta.distributed.crew_strategy import CrewStrategy
from neurenix.meta.training.strategy import Strategy

Make = Callable[[], meta.MetaLearner]


def bits(learner: nn.Module) -> dict[str, bytes]:
    return {name: x.numpy().tobytes() for name, x in learner.state_dict().items()}


def crew(workers: int) -> CrewStrategy:
    return CrewStrategy(HereCrew(workers, backwards=True))


def run(
    make: Make,
    tasks: Any,
    strategy: Strategy | None,
    optimizer: Callable[[Any], optim.Optimizer] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """All that comes of training and evaluation, to the bit."""
    nx.manual_seed(0)
    learner = make()
    nx.manual_seed(3)
    with np.errstate(all="ignore"):
        history = learner.meta_learn(
            tasks,
            None if optimizer is None else optimizer(learner.parameters()),
            **{"epochs": 2, "tasks_per_batch": 5, **options},
            progress=False,
            strategy=strategy,
        )
    evaluation = learner.evaluate(
        tasks if isinstance(tasks, list) else tasks_with_end(), strategy=strategy
    )
    return {
        "weights": bits(learner),
        "history": {name: history[name] for name in history},
        "scores": {n: x.tobytes() for n, x in evaluation.scores.items()},
        "random": nx.random.default_generator.state_dict(),
        "draw": nx.uniform((2,)).tolist(),
    }


def same_with(workers: list[int], make: Make, tasks: Any, **options: Any) -> None:
    alone = run(make, tasks, None, **options)
    for count in workers:
        assert run(make, tasks, crew(count), **options) == alone, count


def dataset() -> ArrayDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 1, 4, 4), dtype=np.uint8)
    return ArrayDataset(images, np.arange(60) % 6, name="noise")


def sampler(**options: Any) -> meta.TaskSampler:
    return meta.TaskSampler(dataset(), 3, 1, queries=2, seed=7, **options)


def tasks_with_end() -> meta.TaskSampler:
    return sampler(tasks=9)
