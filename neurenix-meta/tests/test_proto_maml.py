"""ProtoMAML against NumPy: prototypes as a head, and the inner loop, written out."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import ProtoMAML, PrototypicalNetworks
from neurenix.nn.batch_norm import MODES

INNER_LR, STEPS = 0.1, 2


def task(rng, ways=3, shots=2, queries=4):
    labels = rng.permutation(np.arange(ways).repeat(shots))
    asked = rng.permutation(np.arange(ways).repeat(queries))
    x = rng.normal(size=(len(labels), 5))
    return x, labels, rng.normal(size=(len(asked), 5)), asked


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def adapted(f, x, y, steps):
    """f(x) = tanh(x fᵀ): embedding and head after gradient descent."""
    z = np.tanh(x @ f.T)
    centres = np.stack([z[y == k].mean(axis=0) for k in range(y.max() + 1)])
    w, b = 2 * centres, -(centres**2).sum(axis=1)
    for _ in range(steps):
        z = np.tanh(x @ f.T)
        d_logits = (softmax(z @ w.T + b) - np.eye(len(w))[y]) / len(y)
        d_before_tanh = (d_logits @ w) * (1 - z**2)
        w, b = w - INNER_LR * d_logits.T @ z, b - INNER_LR * d_logits.sum(0)
        f = f - INNER_LR * d_before_tanh.T @ x
    return f, w, b


def logits(f, task, steps):
    f, w, b = adapted(f, task[0], task[1], steps)
    return np.tanh(task[2] @ f.T) @ w.T + b


def meta_loss(f, task):
    p = softmax(logits(f, task, STEPS))
    return -np.log(p[np.arange(len(p)), task[3]]).mean()


def learner_and_weight():
    nx.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4, bias=False), nn.Tanh()).to(nx.float64)
    return ProtoMAML(net, INNER_LR, inner_steps=STEPS), net[0].weight.numpy().copy()


@pytest.mark.parametrize("ways", [2, 3])
def test_logits_and_loss_are_numpys(device, ways):
    learner, f = learner_and_weight()
    given = task(np.random.default_rng(0), ways)
    for steps in (0, STEPS):
        found = learner.adapt_to_task(given[0], given[1], steps=steps)
        queries = nx.tensor(given[2], nx.float64)
        assert np.allclose(found(queries).numpy(), logits(f, given, steps), rtol=1e-9)
    result = learner.evaluate([given])
    assert result.mean() == pytest.approx(meta_loss(f, given), rel=1e-9)


def test_meta_gradients_are_finite_differences(device):
    learner, f = learner_and_weight()
    rng = np.random.default_rng(1)
    tasks = [task(rng) for _ in range(2)]
    sgd = optim.SGD(learner.parameters(), lr=1.0)
    learner.meta_learn(tasks, sgd, tasks_per_batch=2, progress=False)
    found = f - learner.model[0].weight.numpy()
    for _ in range(3):
        direction = rng.normal(size=f.shape)
        ends = [
            np.mean([meta_loss(f + h * direction, t) for t in tasks])
            for h in (1e-5, -1e-5)
        ]
        slope = (found * direction).sum()
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_before_any_step_it_is_prototypical_networks(device):
    learner, _ = learner_and_weight()
    given = task(np.random.default_rng(2))
    other = PrototypicalNetworks(learner.model)
    first = learner.evaluate([given]).mean("loss", 0)
    assert first == pytest.approx(other.evaluate([given]).mean(), rel=1e-9)


def test_tasks_may_differ_in_their_ways(device):
    learner, _ = learner_and_weight()
    rng = np.random.default_rng(3)
    tasks = [task(rng, ways) for ways in (2, 3, 4)]
    history = learner.meta_learn(tasks, progress=False, tasks_per_batch=1)
    assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_batch_norm(compiled_device, mode):
    nx.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))
    learner = ProtoMAML(net, INNER_LR, inner_steps=STEPS, batch_norm=mode)
    rng = np.random.default_rng(3)
    tasks = [task(rng) for _ in range(4)]
    learner.meta_learn(tasks, progress=False)
    result = learner.evaluate(tasks)
    x, y, query_x, query_y = tasks[0]
    found = softmax(learner.adapt_to_task(x, y)(nx.tensor(query_x)).numpy())
    loss = -np.log(found[np.arange(len(query_y)), query_y]).mean()
    assert loss == pytest.approx(result.scores["loss"][0, -1], rel=1e-4)


def test_an_embedding_without_a_vector_for_each_example_is_refused(device):
    class Total(nn.Module):
        def forward(self, x):
            return x.sum(dim=1)

    given = task(np.random.default_rng(0))
    with pytest.raises(ShapeError, match=r"outputs of shape \(6,\); expected \[n, d\]"):
        ProtoMAML(Total()).meta_learn([given], progress=False)


def test_a_class_without_support_is_refused(device):
    learner, _ = learner_and_weight()
    with pytest.raises(InvalidArgumentError, match="no support example of class 1"):
        learner.adapt_to_task(np.zeros((2, 5)), [0, 2])


def test_a_loss_of_ones_own(device):
    def squared(logits, classes):
        error = nx.softmax(logits, axis=1) - nx.one_hot(classes, 3, dtype=logits.dtype)
        return (error * error).mean()

    learner = ProtoMAML(nn.Linear(5, 4), INNER_LR, loss=squared)
    given = task(np.random.default_rng(0))
    assert learner.adapt_to_task(given[0], given[1])(given[2]).shape == (12, 3)
    assert np.isfinite(learner.evaluate([given]).mean())
