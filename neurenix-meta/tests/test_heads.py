"""Heads on frozen features: beside the methods that they are of, and beside loops."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import (
    R2D2,
    Classifier,
    MatchingNetworks,
    PrototypicalNetworks,
    load,
)

RNG = np.random.default_rng(0)
WAYS, SHOTS, SIZE = 4, 3, 6
MEANS = RNG.normal(0, 2, (WAYS, SIZE))
X = (MEANS[:, None] + RNG.normal(0, 1, (WAYS, SHOTS, SIZE))).reshape(-1, SIZE)
Y = np.repeat(np.arange(WAYS), SHOTS)
QUERIES = MEANS + RNG.normal(0, 1, (WAYS, SIZE))
HEADS = ("centroids", "ridge", "matching")
MOVES = [
    {},
    {"normalize": True},
    {"centre": "support"},
    {"centre": "transductive", "normalize": True},
    {"centre": np.full(SIZE, 0.3), "normalize": True},
]


def itself(x):
    return x


class Same(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("head", "learner", "scaled"),
    [
        ("centroids", PrototypicalNetworks, {}),
        ("ridge", R2D2, {"regularization": 0.7}),
        ("matching", MatchingNetworks, {}),
    ],
)
def test_heads_are_those_of_the_methods(head, learner, scaled):
    own = learner(nn.Sequential(Same()), **scaled)
    expected = own.adapt_to_task(X, Y)(QUERIES).numpy()
    found = Classifier(itself, head=head, **scaled).fit(X, Y).logits(QUERIES)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("moves", MOVES, ids=repr)
@pytest.mark.parametrize("head", HEADS)
def test_leave_one_out_is_that_of_a_loop(head, moves):
    """Features moved by hand, so that the centre stays that of all examples."""
    classifier = Classifier(itself, head=head, **moves).fit(X, Y)
    logits, rows = classifier._recogniser.left_out(X, Y, WAYS)
    centre = moves.get("centre", 0.0)
    z = X - (X.mean(axis=0) if isinstance(centre, str) else centre)
    if moves.get("normalize"):
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
    assert rows.tolist() == list(range(len(X)))
    for row in rows:
        others = np.arange(len(X)) != row
        one = Classifier(itself, head=head).fit(z[others], Y[others])
        assert np.allclose(one.logits(z[row : row + 1])[0], logits[row])


@pytest.mark.parametrize("head", HEADS)
def test_a_transductive_centre_is_that_of_support_and_queries(head):
    moves = {"head": head, "normalize": True}  # distances alone know no centre
    both = Classifier(itself, centre="transductive", **moves).fit(X, Y)
    mean = np.concatenate([X, QUERIES]).mean(axis=0)
    known = Classifier(itself, centre=mean, **moves).fit(X, Y)
    assert np.allclose(both.logits(QUERIES), known.logits(QUERIES))
    assert not np.allclose(both.logits(QUERIES[:1]), known.logits(QUERIES[:1]))
    small = Classifier(itself, centre="transductive", batch_size=2, **moves)
    assert np.array_equal(small.fit(X, Y).logits(QUERIES), both.logits(QUERIES))
    scores = both.evaluate(QUERIES, np.arange(WAYS))
    right = both.predict(QUERIES) == np.arange(WAYS)
    assert scores.accuracy == right.mean()


@pytest.mark.parametrize("moves", MOVES, ids=repr)
@pytest.mark.parametrize("head", HEADS)
def test_files_and_copies_predict_the_same(head, moves, tmp_path):
    made = Classifier(itself, head=head, **moves).fit(X, Y)
    made.save(tmp_path / "c")
    expected = made.predict_proba(QUERIES)
    for other in (
        load(tmp_path / "c", embedding=itself),
        pickle.loads(pickle.dumps(made)),
    ):
        assert np.array_equal(other.predict_proba(QUERIES), expected)


def test_a_module_in_another_process_of_ones_own():
    nx.manual_seed(0)
    made = Classifier(nn.Linear(SIZE, 3), head="ridge").fit(X, Y)
    other = pickle.loads(pickle.dumps(made))
    assert np.array_equal(other.logits(QUERIES), made.logits(QUERIES))
    assert other.add_class(9, QUERIES).classes_ == (0, 1, 2, 3, 9)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"head": "svm"}, "head='svm'; expected one of 'centroids', 'ridge', 'match"),
        ({"head": "ridge", "metric": "cosine"}, "it is for head='centroids'"),
        ({"regularization": 2.0}, "it is for head='ridge'"),
        ({"head": "ridge", "regularization": 0.0}, "regularization=0.0"),
        ({"centre": "query"}, "expected None, 'support', 'transductive' or a vector"),
        ({"metric": "manhattan"}, "metric='manhattan'"),
    ],
)
def test_settings_that_are_none(settings, text):
    with pytest.raises(InvalidArgumentError, match=text):
        Classifier(itself, **settings)


@pytest.mark.parametrize("head", HEADS)
def test_features_of_another_size_are_refused(head):
    classifier = Classifier(itself, head=head).fit(X, Y)
    with pytest.raises(ShapeError, match=r"features of size 5, where this .* of 6"):
        classifier.predict(QUERIES[:, :5])
    with pytest.raises(ShapeError, match="a centre of 2 numbers, and features of 6"):
        Classifier(itself, head=head, centre=[0, 1]).fit(X, Y)


@pytest.mark.parametrize("changed", [{"head": "ridge"}, {"centre": np.zeros(SIZE)}])
def test_a_learner_has_a_head_of_its_own(changed):
    with pytest.raises(InvalidArgumentError, match="has a rule of its own; head"):
        Classifier(PrototypicalNetworks(nn.Linear(SIZE, 2)), **changed)
