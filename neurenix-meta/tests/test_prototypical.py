"""Prototypical Networks against NumPy, and what they refuse."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import PrototypicalNetworks, generate_classification_tasks


def task(rng, ways=3, shots=2, queries=4, dimensions=5):
    """Labels in no order."""
    labels = rng.permutation(np.arange(ways).repeat(shots))
    asked = rng.permutation(np.arange(ways).repeat(queries))
    x = rng.normal(size=(len(labels), dimensions))
    return x, labels, rng.normal(size=(len(asked), dimensions)), asked


def by_numpy(weight, x, y, query_x, metric):
    """Logits of a linear embedding without bias."""
    z, q = x @ weight.T, query_x @ weight.T
    centres = np.stack([z[y == k].mean(axis=0) for k in range(y.max() + 1)])
    if metric == "euclidean":
        return -((q[:, None] - centres[None]) ** 2).sum(axis=2)
    q = q / np.linalg.norm(q, axis=1, keepdims=True)
    centres = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return q @ centres.T - 1


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_logits_and_loss_are_numpys(device, metric, one_hot):
    rng = np.random.default_rng(0)
    x, y, query_x, query_y = task(rng)
    net = nn.Linear(5, 4, bias=False).to(nx.float64)
    learner = PrototypicalNetworks(net, metric)
    wanted = by_numpy(net.weight.numpy(), x, y, query_x, metric)
    labels, asked = (np.eye(3)[y], np.eye(3)[query_y]) if one_hot else (y, query_y)
    found = learner.adapt_to_task(x, labels)
    logits = found(query_x).numpy()
    assert np.allclose(logits, wanted, rtol=1e-10, atol=1e-10)
    result = learner.evaluate([(x, labels, query_x, asked)])
    shifted = wanted - wanted.max(axis=1, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log[np.arange(len(query_y)), query_y].mean()
    assert result.mean() == pytest.approx(loss, rel=1e-10)
    share = (wanted.argmax(axis=1) == query_y).mean()
    assert result.accuracy == pytest.approx(share)


def test_training_beats_the_untrained_embedding(compiled_device):
    nx.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32))
    learner = PrototypicalNetworks(net)
    tasks = generate_classification_tasks(100, seed=0)
    before = learner.evaluate(tasks[80:])
    learner.meta_learn(tasks[:80], epochs=10, progress=False)
    after = learner.evaluate(tasks[80:])
    assert after.accuracy > before.accuracy + 0.1


def test_a_vector_of_zeros_is_no_trouble_for_cosine(device):
    learner = PrototypicalNetworks(nn.ReLU(), "cosine")
    logits = learner.adapt_to_task(-np.ones((2, 3)), [0, 1])(np.ones((1, 3)))
    assert logits.tolist() == [[-1.0, -1.0]]


@pytest.mark.parametrize("embed", ["together", "apart"])
def test_embedding_together_or_apart(device, embed):
    """With the batch's statistics it matters which batch that is."""
    net = nn.BatchNorm1d(2, mode="transductive", affine=False).to(nx.float64)
    rng = np.random.default_rng(0)
    x, query_x = rng.normal(size=(4, 2)), rng.normal(size=(6, 2))
    labels, asked = np.array([0, 1, 0, 1]), np.arange(6) % 2

    def normal(a):
        return (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + 1e-5)

    if embed == "together":
        both = normal(np.concatenate([x, query_x]))
        z, q = both[:4], both[4:]
    else:
        z, q = normal(x), normal(query_x)
    wanted = by_numpy(np.eye(2), z, labels, q, "euclidean")
    shares = (wanted.argmax(axis=1) == asked).mean()
    learner = PrototypicalNetworks(net, embed=embed)
    result = learner.evaluate([(x, labels, query_x, asked)])
    log = wanted - np.log(np.exp(wanted).sum(axis=1, keepdims=True))
    loss = -log[np.arange(6), asked].mean()
    assert result.mean() == pytest.approx(loss, rel=1e-5)  # float32
    assert result.accuracy == pytest.approx(shares) and result.transductive


def test_running_statistics_are_not_transductive(device):
    learner = PrototypicalNetworks(nn.BatchNorm1d(20))
    tasks = generate_classification_tasks(8, seed=0)
    learner.meta_learn(tasks, progress=False)
    classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    together = classify(tasks[0].query_x).numpy()
    alone = classify(tasks[0].query_x[:1]).numpy()
    assert np.allclose(alone[0], together[0], rtol=1e-5)
    assert "running, non-transductive" in str(learner.evaluate(tasks))


def test_the_classifier_keeps_its_embedding(device):
    learner = PrototypicalNetworks(nn.Linear(20, 4))
    tasks = generate_classification_tasks(8, seed=0)
    classify = learner.adapt_to_task(tasks[0].support_x, tasks[0].support_y)
    before = classify(tasks[0].query_x).tolist()
    learner.meta_learn(tasks, progress=False)
    assert classify(tasks[0].query_x).tolist() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({1: [0, 1, 3, 3]}, "no support example of class 2"),
        ({1: [0, 0, 1, -1]}, "label -1"),
        ({3: [0, 2]}, r"query label 2, outside its 2 ways \(0 to 1\)"),
    ],
)
def test_labels_outside_the_ways_are_refused(device, change, message):
    good = [np.zeros((4, 3)), [0, 0, 1, 1], np.zeros((2, 3)), [0, 1]]
    learner = PrototypicalNetworks(nn.Linear(3, 2))
    before = learner.model.weight.tolist()
    bad = [change.get(i, member) for i, member in enumerate(good)]
    with pytest.raises(InvalidArgumentError, match=message):
        learner.meta_learn([good, bad], progress=False)
    assert learner.model.weight.tolist() == before


def test_targets_that_are_no_labels_are_refused(device):
    learner = PrototypicalNetworks(nn.Linear(3, 2))
    x = np.zeros((2, 3))
    with pytest.raises(ShapeError, match=r"task 0: support_y of shape \(2, 2\)"):
        learner.meta_learn([(x, np.full((2, 2), 0.5), x, [0, 1])], progress=False)
    with pytest.raises(ShapeError, match="support_x of shape"):
        learner.adapt_to_task(x, [0, 1, 0])


def test_arguments_are_checked(device):
    with pytest.raises(InvalidArgumentError, match="'euclidean' or 'cosine'"):
        PrototypicalNetworks(nn.Linear(3, 2), "manhattan")
    with pytest.raises(InvalidArgumentError, match="together"):
        PrototypicalNetworks(nn.Linear(3, 2), embed="both")
    with pytest.raises(InvalidArgumentError, match="takes no steps"):
        tasks = generate_classification_tasks(1, seed=0)
        PrototypicalNetworks(nn.Linear(20, 2)).evaluate(tasks, steps=3)
