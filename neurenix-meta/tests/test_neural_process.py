"""The Conditional Neural Process against NumPy, and what it refuses."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import MLP, ConditionalNeuralProcess, generate_regression_tasks


def predicted(w, x, y, q):
    """Mean and deviation, with linear-tanh-linear networks h and g."""

    def net(part, x):
        layers = [w[f"model.{part}.{i}.{kind}"] for i in (0, 2)
                  for kind in ("weight", "bias")]  # fmt: skip
        return np.tanh(x @ layers[0].T + layers[1]) @ layers[2].T + layers[3]

    pairs = np.array([[*a, *b] for a, b in zip(x, y)])
    r = sum(net("encoder", p) for p in pairs) / len(pairs)
    out = np.array([net("decoder", np.array([*r, *a])) for a in q])
    size = y.shape[1]
    return out[:, :size], 0.1 + 0.9 * np.log1p(np.exp(out[:, size:]))


def loss(w, x, y, q, z):
    mean, deviation = predicted(w, x, y, q)
    density = np.exp(-0.5 * ((z - mean) / deviation) ** 2) / deviation
    return -np.log(density / np.sqrt(2 * np.pi)).sum(axis=1).mean()


def make():
    nx.manual_seed(0)
    h = MLP([3, 6, 4], activation=nn.Tanh).to(nx.float64)
    g = MLP([5, 6, 4], activation=nn.Tanh).to(nx.float64)
    learner = ConditionalNeuralProcess(h, g)  # dx = 1, dy = 2
    rng = np.random.default_rng(0)
    shapes = [(4, 1), (4, 2), (6, 1), (6, 2)]
    return learner, [tuple(rng.normal(size=s) for s in shapes) for _ in range(2)]


def values_of(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


def test_predictions_and_scores_are_numpys(device):
    learner, tasks = make()
    w, (x, y, q, z) = values_of(learner), tasks[0]
    wanted = predicted(w, x, y, q)
    found = learner.adapt_to_task(x, y)(q)
    for a, b in zip(found, wanted):
        assert np.allclose(a.numpy(), b, rtol=1e-10)
    result = learner.evaluate(tasks)
    assert result.mean() == pytest.approx(np.mean([loss(w, *t) for t in tasks]))
    assert result.scores["mse"][0, 0] == pytest.approx(((wanted[0] - z) ** 2).mean())


def test_meta_gradients_are_finite_differences(device):
    learner, tasks = make()
    start = values_of(learner)
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    history = learner.meta_learn(tasks, sgd, tasks_per_batch=2, progress=False)

    def meta_loss(w):
        return np.mean([
            loss(w, x, y, np.concatenate([x, q]), np.concatenate([y, z]))
            for x, y, q, z in tasks
        ])  # fmt: skip

    assert history["loss"][0] == pytest.approx(meta_loss(start), rel=1e-10)
    found = {n: start[n] - after for n, after in values_of(learner).items()}
    rng = np.random.default_rng(1)
    for name, value in start.items():
        direction = rng.normal(size=value.shape)
        ends = [
            meta_loss({**start, name: value + h * direction}) for h in (1e-5, -1e-5)
        ]
        slope = (found[name] * direction).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-10)


def test_it_learns_sine_waves(compiled_device):
    nx.manual_seed(0)
    learner = ConditionalNeuralProcess(MLP([2, 64, 64]), MLP([65, 64, 2]), 0.003)
    test = generate_regression_tasks(40, 10, seed=2)
    before = learner.evaluate(test)
    train = generate_regression_tasks(100, 10, seed=1)
    learner.meta_learn(train, epochs=40, progress=False)
    after = learner.evaluate(test)
    assert after.mean() < before.mean()
    assert after.mean("mse") < 0.8 * before.mean("mse")


def test_what_does_not_fit_is_refused(device):
    learner, _ = make()
    x, y = np.zeros((3, 1)), np.zeros((3, 2))
    with pytest.raises(ShapeError, match=r"shape \(3, 1\) and targets of shape \(3,\)"):
        learner.meta_learn([(x, y[:, 0], x, y[:, 0])], progress=False)
    small = ConditionalNeuralProcess(MLP([3, 4]), MLP([5, 3]))
    with pytest.raises(ShapeError, match=r"decoder gives \(3, 3\).*expected \(3, 4\)"):
        small.meta_learn([(x, y, x, y)], progress=False)
    with pytest.raises(ShapeError, match="query targets"):
        learner.evaluate([(x, y, x, y[:, :1])])
    with pytest.raises(InvalidArgumentError, match="encoder is a int"):
        ConditionalNeuralProcess(3, MLP([5, 4]))
    with pytest.raises(InvalidArgumentError, match="takes no steps"):
        learner.evaluate([(x, y, x, y)], steps=2)
