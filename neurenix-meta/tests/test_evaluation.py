"""Evaluation and History: figures, intervals and how they read."""

import copy
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
    generate_classification_tasks,
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


# ---- calibration, comparison, both modes ---------------------------------------------


def numpy_calibration_error(logits, classes):
    """Guo et al. 2017, equation 3, query by query."""
    z = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = z / z.sum(axis=1, keepdims=True)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == classes
    error = 0.0
    for b in range(15):
        inside = (confidence >= b / 15) & (
            (confidence < (b + 1) / 15) | ((b == 14) & (confidence == 1))
        )
        if inside.any():
            gap = right[inside].mean() - confidence[inside].mean()
            error += inside.mean() * abs(gap)
    return error


def test_the_calibration_error_is_pooled_over_the_queries_of_all_tasks(device):
    tasks = generate_classification_tasks(7, 3, 4, input_dim=6, seed=2)
    learner = PrototypicalNetworks(nn.Linear(6, 4))
    result = learner.evaluate(tasks)
    logits, classes = [], []
    for task in tasks:
        classify = learner.adapt_to_task(task.support_x, task.support_y)
        logits.append(classify(task.query_x).numpy().astype(np.float64))
        classes.append(task.query_y.numpy().argmax(axis=1))
    expected = numpy_calibration_error(np.concatenate(logits), np.concatenate(classes))
    assert 0.005 < expected < 0.9
    assert result.calibration_error() == pytest.approx(expected, rel=1e-4)
    assert "calibration error" in str(result) and "confidence" not in result.scores
    assert "calibration error" in result.summary()


def test_there_is_a_calibration_error_after_each_step(device):
    tasks = generate_classification_tasks(5, 3, 4, input_dim=6, seed=2)
    learner = MAML(nn.Linear(6, 3), inner_lr=0.5, inner_steps=2)
    result = learner.evaluate(tasks, steps=3)
    assert result.confidence.shape == (5, 4, 3, 15)
    assert (result.confidence[..., 0, :].sum(axis=-1) == 12).all()  # queries
    errors = [result.calibration_error(step) for step in range(4)]
    assert len({round(e, 6) for e in errors}) == 4
    regression = MAML(nn.Linear(1, 1)).evaluate(generate_regression_tasks(3, 5, seed=0))
    assert np.isnan(regression.calibration_error()) and regression.confidence is None


def test_two_learners_are_compared_task_by_task(device):
    tasks = generate_regression_tasks(40, 10, seed=3)
    nx.manual_seed(1)
    one = MAML(nn.Linear(1, 1), inner_lr=0.01)
    other = copy.deepcopy(one)
    other.model.bias.assign(other.model.bias.value() + 0.1)
    a, b = one.evaluate(tasks), other.evaluate(tasks)
    found = a.compare(b)
    differences = a.scores["loss"][:, -1] - b.scores["loss"][:, -1]
    assert found.mean == pytest.approx(differences.mean())
    width = 1.96 * differences.std(ddof=1) / np.sqrt(40)
    assert found.interval == pytest.approx(width)
    assert found.interval < a.interval()  # what is hard for both cancels out
    assert found.name == "loss" and "paired" in str(found)
    elsewhere = other.evaluate(generate_regression_tasks(40, 10, seed=4))
    with pytest.raises(InvalidArgumentError, match="other tasks"):
        a.compare(elsewhere)
    with pytest.raises(InvalidArgumentError, match=r"no score 'accuracy'.*'loss'"):
        a.compare(b, "accuracy")
    with pytest.raises(InvalidArgumentError, match="an Evaluation, not float"):
        a.compare(1.0)


def conv_task(queries=3):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4 + queries, 1, 8, 8)).astype(np.float32)
    return (x[:4], [0, 1, 2, 3], x[4:], [0] * queries)


@pytest.mark.parametrize("method", ["maml", "prototypical"])
def test_without_transduction_each_query_is_alone_with_the_support_set(device, method):
    norm = nn.BatchNorm2d(5, mode="transductive")
    body = [nn.Conv2d(1, 5, 3), norm, nn.ReLU(), nn.Flatten()]
    if method == "maml":
        body.append(nn.Linear(5 * 36, 4))
        learner = MAML(nn.Sequential(body), inner_lr=0.1, inner_steps=2)
    else:
        learner = PrototypicalNetworks(nn.Sequential(body))
    task = conv_task()
    both = learner.evaluate([task], transductive="both")
    alone = learner.evaluate([task], transductive=False)
    assert both.transductive and not alone.transductive
    assert not both.beside.transductive
    assert both.beside.scores["loss"].tolist() == alone.scores["loss"].tolist()
    assert both.mean() != pytest.approx(alone.mean(), rel=1e-3)
    assert "support and the query, non-transductive" in str(both)
    # One task for each query: with a query alone nothing else can be seen.
    singles = []
    for q in range(3):
        single = (task[0], task[1], task[2][q : q + 1], [0])
        singles.append(learner.evaluate([single], transductive=False).mean())
    assert alone.mean() == pytest.approx(np.mean(singles), rel=1e-5)


def test_without_transduction_the_statistics_are_of_support_and_query(device):
    """Against the network on a batch of the support set and one query."""
    norm = nn.BatchNorm2d(5, mode="transductive")
    body = [nn.Conv2d(1, 5, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(180, 4)]
    learner = MAML(nn.Sequential(body), inner_lr=0.1, inner_steps=2)
    support, _, queries, _ = conv_task()
    adapted = learner.adapt_to_task(support, [0, 1, 2, 3])
    losses = []
    for query in queries:
        both = nx.tensor(np.concatenate([support, query[None]]))
        logits = adapted(both).numpy()[-1].astype(np.float64)
        losses.append(np.log(np.exp(logits - logits[0]).sum()))
    found = learner.evaluate([conv_task()], transductive=False)
    assert found.mean() == pytest.approx(np.mean(losses), rel=1e-4)


def test_a_network_that_is_not_transductive_stays_so(device):
    learner = PrototypicalNetworks(nn.Linear(6, 4))
    tasks = generate_classification_tasks(2, 3, 4, input_dim=6, seed=2)
    assert learner.evaluate(tasks, transductive="both").beside is None
    assert not learner.evaluate(tasks, transductive=False).transductive
    with pytest.raises(InvalidArgumentError, match="transductive=True, but no pred"):
        learner.evaluate(tasks, transductive=True)
    with pytest.raises(InvalidArgumentError, match="transductive='yes'; expected"):
        learner.evaluate(tasks, transductive="yes")
