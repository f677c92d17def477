"""Reptile against a plain NumPy loop."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
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
