"""Matching Networks and R2D2 against NumPy: their logits, and their meta-gradients
against finite differences of the loss, written out."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import R2D2, MatchingNetworks

WAYS, DIMENSIONS = 3, 5


def task(rng, shots=2, queries=4):
    """Labels in no order."""
    labels = rng.permutation(np.arange(WAYS).repeat(shots))
    asked = rng.permutation(np.arange(WAYS).repeat(queries))
    x = rng.normal(size=(len(labels), DIMENSIONS))
    return x, labels, rng.normal(size=(len(asked), DIMENSIONS)), asked


def matching(w, x, y, q):
    """log p, a sum over the support set for each query."""
    z, q = np.tanh(x @ w["model.0.weight"].T), np.tanh(q @ w["model.0.weight"].T)
    p = np.zeros((len(q), WAYS))
    for i, a in enumerate(q):
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in z]
        for weight, label in zip(np.exp(cosines) / np.exp(cosines).sum(), y):
            p[i, label] += weight
    return np.log(p)


def ridge(w, x, y, q):
    """By the normal equations in d unknowns, not by Woodbury's identity."""
    z, q = np.tanh(x @ w["model.0.weight"].T), np.tanh(q @ w["model.0.weight"].T)
    penalty = np.exp(w["log_lambda"]) * np.eye(z.shape[1])
    weight = np.linalg.solve(z.T @ z + penalty, z.T @ np.eye(WAYS)[y])
    return w["alpha"] * (q @ weight) + w["beta"]


def loss(logits, y):
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log[np.arange(len(y)), y].mean()


def values_of(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


METHODS = [
    (MatchingNetworks, {}, matching),
    (R2D2, {"regularization": 0.3, "scale": 2.0}, ridge),
]


@pytest.fixture(params=METHODS, ids=["matching", "r2d2"])
def method(request, device):
    nx.manual_seed(0)
    kind, options, by_numpy = request.param
    net = nn.Sequential(nn.Linear(DIMENSIONS, 8, bias=False), nn.Tanh())
    return kind(net.to(nx.float64), **options), by_numpy


@pytest.mark.parametrize("one_hot", [False, True])
def test_logits_and_loss_are_numpys(method, one_hot):
    learner, by_numpy = method
    x, y, q, z = task(np.random.default_rng(0))
    wanted = by_numpy(values_of(learner), x, y, q)
    labels, asked = (np.eye(WAYS)[y], np.eye(WAYS)[z]) if one_hot else (y, z)
    classify = learner.adapt_to_task(x, labels)
    assert np.allclose(classify(nx.tensor(q, nx.float64)).numpy(), wanted, rtol=1e-9)
    result = learner.evaluate([(x, labels, q, asked)])
    assert result.mean() == pytest.approx(loss(wanted, z), rel=1e-9)
    assert result.accuracy == pytest.approx((wanted.argmax(axis=1) == z).mean())


def test_meta_gradients_are_finite_differences(method):
    learner, by_numpy = method
    rng = np.random.default_rng(1)
    tasks, start = [task(rng) for _ in range(2)], values_of(learner)
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn(tasks, sgd, tasks_per_batch=2, progress=False)
    found = {n: start[n] - after for n, after in values_of(learner).items()}

    def meta_loss(w):
        return np.mean([loss(by_numpy(w, x, y, q), z) for x, y, q, z in tasks])

    for only in start:
        direction = rng.normal(size=start[only].shape)
        ends = [
            meta_loss({**start, only: start[only] + h * direction})
            for h in (1e-5, -1e-5)
        ]
        slope = (found[only] * direction).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-10)


def test_the_classifier_keeps_what_it_was_fitted_with(method):
    learner, _ = method
    rng = np.random.default_rng(2)
    x, y, q, z = task(rng)
    classify = learner.adapt_to_task(x, y)
    before = classify(nx.tensor(q, nx.float64)).tolist()
    learner.meta_learn([(x, y, q, z)], tasks_per_batch=1, progress=False)
    assert classify(nx.tensor(q, nx.float64)).tolist() == before


def test_a_vector_of_zeros_is_no_trouble_for_cosines(device):
    learner = MatchingNetworks(nn.ReLU())
    found = learner.adapt_to_task(-np.ones((2, 3)), [0, 1])(np.ones((1, 3)))
    assert found.numpy() == pytest.approx(np.log([[0.5, 0.5]]))


def test_arguments_of_r2d2_are_checked(device):
    with pytest.raises(InvalidArgumentError, match="regularization=0"):
        R2D2(nn.Linear(3, 2), regularization=0)
    with pytest.raises(InvalidArgumentError, match="scale=-1"):
        R2D2(nn.Linear(3, 2), scale=-1)
    with pytest.raises(InvalidArgumentError, match="R2D2 takes no steps"):
        R2D2(nn.Linear(5, 2)).evaluate([task(np.random.default_rng(0))], steps=1)
