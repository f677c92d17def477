"""Any number of workers gives the bits of one process: the steps, without Ray."""

from typing import Any

import methods
import pytest
from here_crew import HereCrew

import neurenix as nx
from neurenix import meta
from neurenix.meta.distributed.crew_strategy import CrewStrategy


def bits(learner: meta.MetaLearner) -> dict[str, bytes]:
    return {name: x.numpy().tobytes() for name, x in learner.state_dict().items()}


def trained(name: str, strategy: Any, batch: int = 5, **options: Any) -> Any:
    learner = methods.make(name)
    tasks = methods.tasks(name, 7)
    nx.manual_seed(3)
    history = learner.meta_learn(
        tasks,
        epochs=2,
        tasks_per_batch=batch,
        progress=False,
        validation=tasks[:3],
        strategy=strategy,
        **options,
    )
    evaluation = learner.evaluate(tasks, strategy=strategy)
    scores = {n: x.tobytes() for n, x in evaluation.scores.items()}
    return bits(learner), {n: history[n] for n in history}, scores


@pytest.mark.parametrize("name", methods.METHODS)
def test_three_workers_give_the_bits_of_one_process(name: str) -> None:
    alone = trained(name, None)
    shared = trained(name, CrewStrategy(HereCrew(3, backwards=True)))
    assert shared == alone
