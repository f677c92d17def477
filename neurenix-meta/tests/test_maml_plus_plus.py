"""MAML++ against NumPy (the weighted losses, the rates of each layer and step), and
what it changes from epoch to epoch."""

import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import MLP, Callback, MAMLPlusPlus

STEPS = 3


def losses(w, task, stop=None):
    """Query losses after each step of a network linear-tanh-linear without biases;
    `stop`: gradients of the inner steps to use in place of their own."""
    x, y, q, z = task
    a, b = w["model.0.weight"], w["model.2.weight"]
    found, gradients = [], []
    for step in range(STEPS):
        hidden = np.tanh(x @ a.T)
        d_output = 2 * (hidden @ b.T - y) / y.size
        g = [((d_output @ b) * (1 - hidden**2)).T @ x, d_output.T @ hidden]
        gradients.append(g)
        g = g if stop is None else stop[step]
        a, b = a - w["rates.0"][step] * g[0], b - w["rates.2"][step] * g[1]
        found.append(((np.tanh(q @ a.T) @ b.T - z) ** 2).mean())
    return found, gradients


def make(**options):
    nx.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(2, 4, bias=False), nn.Tanh(), nn.Linear(4, 2, bias=False)
    )
    learner = MAMLPlusPlus(net.to(nx.float64), 0.1, inner_steps=STEPS, **options)
    rng = np.random.default_rng(0)
    for rate in learner.rates.values():
        rate.assign(rng.uniform(0.02, 0.2, STEPS))
    tasks = [tuple(rng.normal(size=(4, 2)) for _ in range(4)) for _ in range(2)]
    return learner, tasks


def values_of(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


def hold_to_differences(learner, tasks, weights, before=0, first_order=False):
    """The learner's meta-gradient after `before` epochs at a rate of 0."""
    start, seen = values_of(learner), []

    class Rate(Callback):
        def on_epoch_start(self, learner, event):
            sgd.lr = float(event.epoch > before)
            seen.append(learner.weights.tolist())

    sgd = optim.SGD(learner.parameters(), lr=1.0)
    history = learner.meta_learn(
        tasks, sgd, before + 1, 2, callbacks=[Rate()], progress=False
    )
    assert seen[-1] == pytest.approx(weights)
    found = {n: start[n] - after for n, after in values_of(learner).items()}
    fixed = [losses(start, t)[1] if first_order else None for t in tasks]

    def meta_loss(w):
        return np.mean([np.dot(weights, losses(w, t, g)[0])
                        for t, g in zip(tasks, fixed)])  # fmt: skip

    assert history["loss"][-1] == pytest.approx(meta_loss(start), rel=1e-10)
    rng = np.random.default_rng(1)
    for name, value in start.items():
        direction = rng.normal(size=value.shape)
        ends = [
            meta_loss({**start, name: value + h * direction}) for h in (1e-5, -1e-5)
        ]
        slope = (found[name] * direction).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-10)


def test_meta_gradients_are_finite_differences_of_the_weighted_losses(device):
    """After 4 of 10 epochs the first two steps weigh 0.6 / 3 each."""
    hold_to_differences(*make(), [0.2, 0.2, 0.6], before=4)


def test_at_last_the_last_step_alone_counts(device):
    hold_to_differences(*make(multi_step_epochs=1), [0.0, 0.0, 1.0], before=1)


def test_first_order_takes_the_inner_gradients_as_constants(device):
    learner, tasks = make(first_order_epochs=1)
    hold_to_differences(learner, tasks, [1 / 3] * 3, first_order=True)


def test_and_then_comes_the_second_order(device):
    hold_to_differences(*make(first_order_epochs=1), [0.3, 0.3, 0.4], before=1)


def test_the_cosine_is_that_of_its_own_optimizer(device, tmp_path):
    """By the rate that its last checkpoint has, as no one else sees the optimizer."""
    learner, tasks = make(meta_lr=0.11, least_meta_lr=0.01)
    rates = []
    for epochs in (1, 2, 3):

        class Stop(Callback):
            def on_epoch_end(self, learner, event, last=epochs):
                if event.epoch == last:
                    event.stop()

        folder = tmp_path / str(epochs)
        learner.meta_learn(
            tasks, None, 4, 2, callbacks=[Stop()], checkpoint=folder, progress=False
        )
        (*_, last) = sorted(folder.iterdir())
        state = nx.load(last)["training"]["optimizer"]["state"]
        rates.append(float(state["lr"].item()))
    cosine = [0.06 + 0.05 * math.cos(math.pi * e / 4) for e in (1, 2, 3)]
    assert rates == pytest.approx(cosine, rel=1e-6)


def test_going_on_from_a_checkpoint_gives_the_same_bits(device, tmp_path):
    class Stop(Callback):
        def on_step_end(self, learner, event):
            if event.epoch == 3:
                event.stop()

    ends = []
    for calls in (1, 2):
        learner, tasks = make(multi_step_epochs=4, first_order_epochs=2)
        nx.manual_seed(3)
        options = {"progress": False, "checkpoint": tmp_path / str(calls)}
        if calls == 2:
            learner.meta_learn(tasks, None, 6, 2, callbacks=[Stop()], **options)
            learner, _ = make(multi_step_epochs=4, first_order_epochs=2)
        learner.meta_learn(tasks, None, 6, 2, **options)
        ends.append(values_of(learner))
    for name, value in ends[0].items():
        assert np.array_equal(value, ends[1][name])


def test_statistics_and_scales_are_of_each_step(compiled_device):
    nx.manual_seed(0)
    layers = [nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)]
    learner = MAMLPlusPlus(nn.Sequential(layers), 0.1, inner_steps=STEPS)
    rng = np.random.default_rng(0)
    labels = np.arange(6) % 2

    def task():
        centres = rng.normal(size=(2, 4)) * 3
        make = lambda: centres[labels] + rng.normal(size=(6, 4))  # noqa: E731
        return make(), labels, make(), labels

    tasks = [task() for _ in range(16)]
    history = learner.meta_learn(tasks, epochs=12, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    norm = learner.model[1]
    for cell in (norm.running_mean, norm.running_var, norm.weight):
        rows = cell.numpy()
        assert rows.shape == (STEPS, 8)
        assert all((rows[0] != rows[i]).any() for i in (1, 2))
    before = norm.weight.numpy().copy()
    x, y, query_x, query_y = tasks[0]
    adapted = learner.adapt_to_task(x, y)
    # inner steps leave the scales as they are; the last step's are those that stay
    assert np.array_equal(adapted[1].weight.numpy(), before[-1])
    share = (adapted(nx.tensor(query_x)).numpy().argmax(axis=1) == query_y).mean()
    result = learner.evaluate(tasks)
    assert share == pytest.approx(result.scores["accuracy"][0, -1])
    assert result.batch_norm == "per_step"


def test_more_steps_than_trained_use_the_last_rate(device):
    learner, tasks = make()
    learner.rates["2"].assign(np.array([0.5, 0.5, 0.0]))
    learner.rates["0"].assign(np.array([0.5, 0.5, 0.0]))
    x, y, *_ = tasks[0]
    two, five = (learner.adapt_to_task(x, y, steps=n) for n in (2, 5))
    for a, b in zip(two.parameters(), five.parameters(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("option", ["multi_step_epochs", "first_order_epochs"])
def test_arguments_are_checked(option):
    with pytest.raises(InvalidArgumentError, match=option):
        MAMLPlusPlus(nn.Linear(1, 1), **{option: -1})
    with pytest.raises(InvalidArgumentError, match="least_meta_lr"):
        MAMLPlusPlus(MLP([1, 1]), least_meta_lr=-1.0)
