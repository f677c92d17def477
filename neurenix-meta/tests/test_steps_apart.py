"""Rounds of several steps: what they compute, and that it matters not who does them."""

from __future__ import annotations

from typing import Any

import methods
import numpy as np
import pytest
from here_crew import HereCrew

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.errors import InvalidArgumentError, NonFiniteError
from neurenix.meta.distributed.crew_strategy import CrewStrategy


def make() -> meta.Reptile:
    nx.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(methods.INPUTS, 8),
        nn.BatchNorm1d(8),
        nn.Dropout(0.1),
        nn.Linear(8, methods.WAYS),
    )
    return meta.Reptile(network, 0.1, inner_steps=2, inner_optimizer="adam")


def run(strategy: CrewStrategy | None, make: Any = make, **options: Any) -> Any:
    learner = make()
    tasks = methods.tasks("MAML", 14)
    given = {"tasks_per_batch": 4, "epochs": 2, "progress": False, **options}
    history = learner.meta_learn(tasks, strategy=strategy, **given)
    weights = {n: x.numpy() for n, x in learner.state_dict().items()}
    return weights, {name: history[name] for name in history}


def assert_same(one: Any, other: Any) -> None:
    for name, x in one[0].items():
        np.testing.assert_array_equal(x, other[0][name], name)
    assert one[1] == other[1]


def test_one_share_gives_the_bits_of_one_process() -> None:
    apart = CrewStrategy(HereCrew(1), steps_apart=3, workers=1)
    assert_same(run(apart), run(None))


def test_who_does_the_shares_does_not_matter() -> None:
    found = [
        run(CrewStrategy(HereCrew(there, backwards=True), steps_apart=2, workers=3))
        for there in (1, 2, 3)
    ]
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])


def test_steps_of_one_each_are_those_of_the_batch() -> None:
    """θ + ε mean(U(θ) − θ) is the mean of each share's, weighted by its tasks."""

    def plain() -> meta.Reptile:
        nx.manual_seed(0)
        network = meta.MLP([methods.INPUTS, 8, methods.WAYS])
        return meta.Reptile(network, 0.1, inner_steps=2)

    def trained(strategy: CrewStrategy | None) -> Any:
        learner = plain()
        sgd = optim.SGD(learner.parameters(), lr=0.5)
        learner.meta_learn(
            methods.tasks("MAML", 6)[:5],
            sgd,
            tasks_per_batch=5,
            progress=False,
            strategy=strategy,
        )
        return {n: x.numpy() for n, x in learner.state_dict().items()}

    alone = trained(None)
    apart = trained(CrewStrategy(HereCrew(2), steps_apart=2, workers=2))
    for name, x in alone.items():
        np.testing.assert_allclose(apart[name], x, rtol=0, atol=1e-6)


def test_two_steps_apart_are_the_mean_of_two_runs() -> None:
    tasks = methods.tasks("MAML", 8)

    def trained(mine: list[meta.Task], batch: int, strategy: Any) -> Any:
        nx.manual_seed(0)
        learner = meta.Reptile(
            meta.MLP([methods.INPUTS, 8, methods.WAYS]), 0.1, inner_steps=2
        )
        adam = optim.Adam(learner.parameters(), lr=0.01)
        learner.meta_learn(
            mine,
            adam,
            tasks_per_batch=batch,
            progress=False,
            strategy=strategy,
        )
        return {n: x.numpy() for n, x in learner.state_dict().items()}

    # All tasks are alike, so that it does not matter which share has which.
    alike = [tasks[0]] * 8
    apart = trained(alike, 4, CrewStrategy(HereCrew(2), steps_apart=2, workers=2))
    single = trained(alike[:4], 2, None)
    for name, x in single.items():
        np.testing.assert_allclose(apart[name], x, rtol=0, atol=1e-6)


def test_methods_that_may_not_are_refused() -> None:
    strategy = CrewStrategy(HereCrew(2), steps_apart=2, workers=2)
    with pytest.raises(
        InvalidArgumentError, match="MAML needs the gradient of a whole"
    ):
        run(strategy, methods.METHODS["MAML"])


def test_a_run_goes_on_as_it_began_or_not_at_all(tmp_path: Any) -> None:
    def apart(count: int) -> CrewStrategy:
        return CrewStrategy(HereCrew(1), steps_apart=count, workers=2)

    once = run(apart(2), epochs=3)
    run(apart(2), epochs=2, checkpoint=tmp_path)
    with pytest.raises(InvalidArgumentError, match="steps_apart"):
        run(apart(3), epochs=3, checkpoint=tmp_path)
    with pytest.raises(InvalidArgumentError, match="steps_apart"):
        run(None, epochs=3, checkpoint=tmp_path)
    assert_same(run(apart(2), epochs=3, checkpoint=tmp_path), once)


def test_a_round_that_is_not_finite_changes_nothing() -> None:
    learner = make()
    tasks = methods.tasks("MAML", 4)
    bad = tasks[3].support_x.numpy().copy()
    bad[0, 0] = np.inf
    tasks[3] = tasks[3]._replace(support_x=nx.tensor(bad))
    before = {n: x.numpy().copy() for n, x in learner.state_dict().items()}
    strategy = CrewStrategy(HereCrew(2), steps_apart=2, workers=2)
    with pytest.raises(NonFiniteError, match="meta-step 1"):
        learner.meta_learn(tasks, tasks_per_batch=2, progress=False, strategy=strategy)
    for name, x in learner.state_dict().items():
        np.testing.assert_array_equal(x.numpy(), before[name])
