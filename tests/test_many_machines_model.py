"""The model of training on many machines: the formula beside the queues."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in list(sys.modules):
        if name.split(".")[0] == "cluster_model":
            del sys.modules[name]


def test_one_server_takes_them_as_they_come():
    from cluster_model.simulation import queued

    random = np.random.default_rng(0)
    for _ in range(20):
        arrivals, done, free = random.random(30) * 5, {}, 0.0
        for i in np.argsort(arrivals):
            free = done[i] = max(free, arrivals[i]) + 0.2
        assert queued(arrivals, 0.2) == pytest.approx([done[i] for i in range(30)])


@pytest.mark.parametrize("size", [28_000, 1_000_000, 12_000_000])
@pytest.mark.parametrize("workers", [1, 8, 64, 1000])
def test_the_formula_is_what_the_queues_give(size, workers):
    from cluster_model.costs import Costs
    from cluster_model.simulation import mean_step

    costs = Costs(0.2, 0.005, 300e-6, 0.3e-9, 4 * size, spread=0.05)
    found = mean_step(costs, workers, 1)
    assert costs.star(workers, 1) == pytest.approx(found, rel=0.15)


def test_a_tree_helps_many_and_costs_few():
    from cluster_model.costs import Costs, best_tree, levels, tree_from
    from cluster_model.simulation import mean_step

    costs = Costs(0.2, 0.005, 300e-6, 0.3e-9, 4_000_000)
    assert [levels(n, 8) for n in (1, 8, 9, 64, 65, 512, 1000)] == [1, 1, 2, 2, 3, 3, 4]
    point = tree_from(costs, 1)
    assert costs.star(point - 1, 1) < 1.25 * best_tree(costs, point - 1, 1)[0]
    assert costs.star(point, 1) >= 1.25 * best_tree(costs, point, 1)[0]
    alone, tree = mean_step(costs, 1000, 1), mean_step(costs, 1000, 1, fan=8)
    assert tree < alone / 4
    assert mean_step(costs, 8, 1, fan=8) == mean_step(costs, 8, 1)


def test_costs_are_found_again():
    """From steps that are made up by them."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from cluster_model.measured import Step, fitted, rounds

    call, byte, once = 4e-4, 5e-10, 2e-3
    steps = []
    for parameters in (2_000, 90_000, 1_000_000):
        task, fixed = 1e-8 * parameters, 2e-9 * parameters + 1e-4
        steps += [Step(parameters, 0, n, fixed + n * task) for n in (1, 4, 16)]
        for workers in (1, 2, 4):
            added = once + workers * call + (1 + workers) * 4 * parameters * byte
            s = Step(parameters, workers, workers, 0.0)
            seconds = fixed + task * rounds(s) + added
            steps.append(Step(parameters, workers, workers, seconds))
    for parameters, costs in fitted(steps).items():
        assert costs.call == pytest.approx(call)
        assert costs.byte == pytest.approx(byte)
        assert costs.task == pytest.approx(1e-8 * parameters)


def test_what_losses_cost():
    from cluster_model.costs import Costs

    costs = Costs(2.0, 0.0, 0.0, 0.0, 0)
    # a thousand workers that live 100 h: one in 180 steps of 2 s, which is done again
    assert costs.lost(1000, 1, 100.0, 1.0) == pytest.approx(3.0 * 2000 / 360_000)
