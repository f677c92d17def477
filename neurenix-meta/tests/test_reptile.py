"""Reptile against a plain NumPy loop."""

import math

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import MLP, Reptile, generate_regression_tasks

INNER_LR, EPSILON, STEPS = 0.02, 0.1, 8


def inner(weights, x, y):
    """Gradient descent on the mean squared error of Linear-Tanh-Linear, by NumPy."""
    w1, b1, w2, b2 = weights
    for _ in range(STEPS):
        hidden = np.tanh(x @ w1.T + b1)
        error = hidden @ w2.T + b2 - y
        loss = (error**2).mean()
        d_output = 2 * error / error.size
        d_hidden = (d_output @ w2) * (1 - hidden**2)
        w2, b2 = w2 - INNER_LR * d_output.T @ hidden, b2 - INNER_LR * d_output.sum(0)
        w1, b1 = w1 - INNER_LR * d_hidden.T @ x, b1 - INNER_LR * d_hidden.sum(0)
    return [w1, b1, w2, b2], loss


def test_a_step_is_a_numpy_loops(device):
    nx.manual_seed(0)
    net = MLP([1, 8, 1], activation=nn.Tanh).to(nx.float64)
    learner = Reptile(net, inner_lr=INNER_LR, inner_steps=STEPS)
    rng = np.random.default_rng(0)
    tasks = [tuple(rng.normal(size=(5, 1)) for _ in range(4)) for _ in range(3)]
    theta = [p.numpy().copy() for p in learner.parameters()]
    losses = []
    for _ in range(2):
        ends = [inner(theta, x, y) for x, y, _, _ in tasks]
        moved = [np.mean([end[0][i] for end in ends], axis=0) for i in range(4)]
        theta = [t + EPSILON * (m - t) for t, m in zip(theta, moved, strict=True)]
        losses.append(np.mean([end[1] for end in ends]))
    sgd = optim.SGD(learner.parameters(), lr=EPSILON)
    history = learner.meta_learn(tasks, sgd, 2, 3, progress=False)
    for found, wanted in zip(learner.parameters(), theta, strict=True):
        assert np.allclose(found.numpy(), wanted, rtol=1e-10, atol=1e-12)
    assert history["loss"] == pytest.approx(losses, rel=1e-10)


def test_adam_inside_is_a_numpy_loops(device):
    """β₁ = 0; moments go on from batch to batch, as their mean over the tasks."""
    nx.manual_seed(0)
    net = nn.Linear(2, 1, bias=False).to(nx.float64)
    learner = Reptile(net, 0.01, inner_steps=3, inner_optimizer="adam")
    rng = np.random.default_rng(0)
    tasks = [
        (x := rng.normal(size=(5, 2)), y := rng.normal(size=(5, 1)), x, y)
        for _ in range(2)
    ]
    theta, moment, count = net.weight.numpy()[0].copy(), np.zeros(2), 0
    for _ in range(3):
        ends = []
        for x, y, _, _ in tasks:
            w, v = theta, moment
            for step in range(3):
                g = 2 / len(x) * x.T @ (x @ w - y[:, 0])
                v = 0.999 * v + 0.001 * g**2
                unbiased = v / (1 - 0.999 ** (count + step + 1))
                w = w - 0.01 * g / (np.sqrt(unbiased) + 1e-8)
            ends.append((w, v))
        count += 3
        theta = theta + EPSILON * (np.mean([w for w, _ in ends], axis=0) - theta)
        moment = np.mean([v for _, v in ends], axis=0)
    sgd = optim.SGD(learner.parameters(), lr=EPSILON)
    learner.meta_learn(tasks, sgd, 3, 2, progress=False)
    assert np.allclose(net.weight.numpy()[0], theta, rtol=1e-10)
    assert np.allclose(learner.moments["weight"].numpy()[0], moment, rtol=1e-10)


def gradient(w, x, y):
    """Of the mean squared error of x w against y."""
    return 2 / len(x) * x.T @ (x @ w - y[:, 0])


def through_batches(w, x, y, batch):
    """Gradient descent whose step k takes the examples k, k + b, k + 2b, … (k modulo
    b), of b = ⌈n / batch⌉ batches, by NumPy."""
    batches = math.ceil(len(x) / batch)
    for step in range(STEPS):
        chosen = [i for i in range(len(x)) if i % batches == step % batches]
        w = w - INNER_LR * gradient(w, x[chosen], y[chosen])
    return w


def linear_learner(**options):
    nx.manual_seed(0)
    net = nn.Linear(2, 1, bias=False).to(nx.float64)
    return Reptile(net, INNER_LR, inner_steps=STEPS, **options)


def linear_task(examples=7, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(examples, 2)), rng.normal(size=(examples, 1))
    return x, y, x, y


@pytest.mark.parametrize("batch", [1, 3, 4, 6])
def test_batches_inside_are_a_numpy_loops(device, batch):
    """Of seven examples: batches of one size, and of sizes that differ."""
    learner = linear_learner(inner_batch=batch)
    tasks = [linear_task(seed=seed) for seed in range(3)]
    theta = learner.model.weight.numpy()[0].copy()
    for _ in range(2):
        ends = [through_batches(theta, x, y, batch) for x, y, _, _ in tasks]
        theta = theta + EPSILON * (np.mean(ends, axis=0) - theta)
    sgd = optim.SGD(learner.parameters(), lr=EPSILON)
    learner.meta_learn(tasks, sgd, 2, 3, progress=False)
    assert np.allclose(learner.model.weight.numpy()[0], theta, rtol=1e-10)
    x, y, _, _ = tasks[0]
    adapted = learner.adapt_to_task(x, y).weight.numpy()[0]
    assert np.allclose(adapted, through_batches(theta, x, y, batch), rtol=1e-10)


def test_adam_inside_takes_batches(device):
    learner = linear_learner(inner_batch=4, inner_optimizer="adam")
    x, y, _, _ = linear_task()
    w, moment = learner.model.weight.numpy()[0].copy(), np.zeros(2)
    for step in range(STEPS):
        g = gradient(w, x[step % 2 :: 2], y[step % 2 :: 2])
        moment = 0.999 * moment + 0.001 * g**2
        unbiased = moment / (1 - 0.999 ** (step + 1))
        w = w - INNER_LR * g / (np.sqrt(unbiased) + 1e-8)
    adapted = learner.adapt_to_task(x, y).weight.numpy()[0]
    assert np.allclose(adapted, w, rtol=1e-10)


def test_a_batch_of_each_step_has_all_classes_in_turn(device):
    """Examples lie class after class: of three classes of four, batches of three."""
    learner = Reptile(nn.Linear(1, 3), inner_batch=3)
    x = nx.arange(12.0).reshape(12, 1)
    y = nx.tensor(np.repeat([0, 1, 2], 4), dtype=nx.int32)
    seen = []
    for step in range(4):
        some_x, some_y = learner.inner_batch_of(x, y, step)
        assert some_y.tolist() == [0, 1, 2]
        seen += some_x.reshape(-1).tolist()
    assert sorted(seen) == list(range(12))
    again, _ = learner.inner_batch_of(x, y, 4)
    assert again.reshape(-1).tolist() == seen[:3]


@pytest.mark.parametrize("batch", [7, 8, 100])
def test_a_support_set_no_larger_than_a_batch_is_taken_whole(device, batch):
    whole = linear_learner()
    learner = linear_learner(inner_batch=batch)
    x, y, _, _ = linear_task()
    results = [each.adapt_to_task(x, y).weight.numpy() for each in (whole, learner)]
    assert np.array_equal(*results)


@pytest.mark.parametrize("batch", [0, -1, 2.5, "3", True])
def test_a_batch_is_a_whole_number_from_1_on(batch):
    with pytest.raises(InvalidArgumentError, match=f"inner_batch={batch!r}; expected"):
        Reptile(nn.Linear(1, 1), inner_batch=batch)


def test_the_inner_optimizer_is_sgd_or_adam():
    with pytest.raises(InvalidArgumentError, match="'rmsprop'; expected 'sgd' or"):
        Reptile(nn.Linear(1, 1), inner_optimizer="rmsprop")


def test_it_learns_sine_waves(compiled_device):
    nx.manual_seed(0)
    learner = Reptile(MLP([1, 40, 40, 1]))
    test = generate_regression_tasks(40, 10, seed=2)
    before = learner.evaluate(test).mean()
    learner.meta_learn(
        generate_regression_tasks(100, 10, seed=1), epochs=20, progress=False
    )
    assert learner.evaluate(test).mean() < before


def test_running_statistics_move(device):
    learner = Reptile(nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)))
    learner.meta_learn(
        generate_regression_tasks(4, 5, seed=0), epochs=2, progress=False
    )
    assert learner.model[0].running_mean.item() != 0.0
