"""Evaluation and History: figures, intervals and how they read."""

import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    MAML,
    MLP,
    Evaluation,
    History,
    PrototypicalNetworks,
    TaskSampler,
    generate_regression_tasks,
)
from neurenix.meta.datasets import Glyphs


def test_figures_are_numpys():
    rng = np.random.default_rng(0)
    scores = {
        "loss": rng.uniform(size=(600, 4)),
        "accuracy": rng.uniform(0.9, 1.0, size=(600, 4)),
    }
    result = Evaluation(scores, "running", False)
    last = scores["accuracy"][:, -1]
    assert result.accuracy == pytest.approx(last.mean())
    assert result.median("accuracy") == pytest.approx(np.median(last))
    width = 1.96 * last.std(ddof=1) / math.sqrt(600)
    assert result.interval("accuracy") == pytest.approx(width)
    assert result.curve() == pytest.approx(scores["loss"].mean(axis=0).tolist())
    assert (result.tasks, result.steps, result.diverged) == (600, 3, 0)
    assert str(result) == (
        f"accuracy {100 * last.mean():.2f} % ± {100 * width:.2f} "
        "(600 tasks; batch norm: running, non-transductive)"
    )


def test_one_task_has_no_interval_and_none_left_no_mean():
    assert math.isnan(Evaluation({"loss": np.ones((1, 1))}, None, False).interval())
    lost = Evaluation({"loss": np.full((2, 1), np.inf)}, None, False)
    assert lost.diverged == 2 and math.isnan(lost.mean())


def test_scores_come_in_the_order_of_the_tasks(device):
    """Of any number of tasks, of more than one shape, whatever shares a program."""
    nx.manual_seed(0)
    learner = MAML(MLP([1, 8, 1]), inner_steps=2)
    small = generate_regression_tasks(33, 5, seed=0)
    large = generate_regression_tasks(3, 7, seed=1)
    tasks = [*small[:20], *large, *small[20:]]
    result = learner.evaluate(tasks)
    assert result.scores["loss"].shape == (36, 3)
    for number in (0, 19, 21, 35):
        alone = learner.evaluate([tasks[number]])
        assert np.array_equal(alone.scores["loss"][0], result.scores["loss"][number])


def test_diverged_tasks_are_counted_and_left_out(device):
    learner = MAML(nn.Linear(1, 1), inner_lr=0.1, inner_steps=20)
    x = np.array([[1.0], [0.5]])
    calm = (x, x, x, x)
    wild = (1e4 * x, x, x, x)
    result = learner.evaluate([calm, wild, calm])
    assert result.diverged == 1
    assert math.isfinite(result.mean()) and "1 of them diverged" in str(result)


def test_steps_can_be_chosen(device):
    learner = MAML(nn.Linear(1, 1), inner_steps=2)
    tasks = generate_regression_tasks(3, 5, seed=0)
    assert len(learner.evaluate(tasks).curve()) == 3
    longer = learner.evaluate(tasks, steps=6)
    assert longer.curve()[:3] == pytest.approx(learner.evaluate(tasks).curve())
    assert learner.evaluate(tasks, steps=0).steps == 0
    with pytest.raises(InvalidArgumentError, match="steps"):
        learner.evaluate(tasks, steps=-1)


def test_evaluation_changes_nothing(device):
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 8))
    learner = PrototypicalNetworks(net)
    net[2].eval()
    before = {n: v.numpy().copy() for n, v in learner.state_dict().items()}
    sampler = TaskSampler(Glyphs(classes=8), 5, 1, 2, tasks=4)
    first, second = learner.evaluate(sampler), learner.evaluate(sampler)
    assert np.array_equal(first.scores["loss"], second.scores["loss"])
    for name, value in learner.state_dict().items():
        assert np.array_equal(value.numpy(), before[name]), name
    assert net.training and net[1].training and not net[2].training


def test_sampled_and_listed_tasks_score_the_same(device):
    nx.manual_seed(0)
    learner = PrototypicalNetworks(nn.Sequential(nn.Flatten(), nn.Linear(784, 8)))
    sampler = TaskSampler(Glyphs(classes=8), 5, 2, 3, tasks=5)
    sampled = learner.evaluate(sampler).scores["loss"]
    listed = learner.evaluate(list(sampler)).scores["loss"]
    assert np.allclose(sampled, listed, rtol=1e-5)


def test_history_reads_like_a_dict_of_lists():
    history = History()
    history.append({"loss": 2.0})
    history.append({"loss": 1.0, "accuracy": 0.5})
    assert list(history) == ["loss", "accuracy"] and len(history) == 2
    assert history["loss"] == [2.0, 1.0]
    assert math.isnan(history["accuracy"][0]) and history["accuracy"][1] == 0.5
    assert dict(history)["loss"] == [2.0, 1.0]
    with pytest.raises(KeyError, match="no column 'los'"):
        history["los"]
    assert str(history).splitlines()[2].split() == ["2", "1", "0.5"]


def test_a_long_history_shows_its_ends():
    history = History()
    for epoch in range(100):
        history.append({"loss": epoch})
    lines = str(history).splitlines()
    assert (
        len(lines) == 14 and lines[7].strip() == "…" and lines[-1].split()[0] == "100"
    )
