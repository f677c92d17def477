"""Classifier: from labelled images of any kind, by any embedding, to predictions."""

import math
import os
import warnings

import numpy as np
import pytest
from pictures import NAMES, PREPROCESS, arrays, drawn, flat, folder_of, network
from PIL import Image

import neurenix as nx
from neurenix import nn
from neurenix.errors import DatasetError, InvalidArgumentError, ShapeError
from neurenix.meta import (
    ANIL,
    MAML,
    MLP,
    R2D2,
    Classifier,
    ConditionalNeuralProcess,
    MatchingNetworks,
    Preprocess,
    ProtoMAML,
    PrototypicalNetworks,
    Reptile,
    TaskSampler,
    list_images,
)
from neurenix.meta.classification.rejection import threshold
from neurenix.meta.datasets import Omniglot
from neurenix.meta.datasets.base import MissingDataError

EMBEDDINGS = {
    "module": network,
    "callable": lambda: flat,
    "prototypes": lambda: PrototypicalNetworks(network()),
    "cosine prototypes": lambda: PrototypicalNetworks(network(), "cosine"),
    "matching": lambda: MatchingNetworks(network()),
    "ridge regression": lambda: R2D2(network()),
    "MAML": lambda: MAML(network(ways=5), inner_steps=2),
    "ANIL": lambda: ANIL(network(ways=4), inner_steps=2),
    "Reptile, transductive": lambda: Reptile(
        network(ways=3, batch_norm="transductive"), inner_steps=2
    ),
    "ProtoMAML": lambda: ProtoMAML(network(), inner_steps=2),
}


# ---- kinds of embeddings -------------------------------------------------------------


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_embeddings(name, compiled_device):
    made = EMBEDDINGS[name]()
    examples, queries = arrays(), np.concatenate([*arrays(2, first=9).values()])
    classifier = Classifier(made).fit(examples)
    assert classifier.classes_ == NAMES
    assert classifier.counts_ == dict.fromkeys(NAMES, 3)
    p = classifier.predict_proba(queries)
    assert p.shape == (6, 3) and np.allclose(p.sum(axis=1), 1.0)
    logits = classifier.scale_ * classifier.logits(queries)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert np.allclose(p, expected / expected.sum(axis=1, keepdims=True))
    labels = classifier.predict(queries)
    assert labels.tolist() == [NAMES[k] for k in p.argmax(axis=1)]
    for row, best in zip(p, classifier.top_k(queries, 2)):
        assert [x for _, x in best] == sorted(row.tolist(), reverse=True)[:2]
    # The same bits each time, for one image or several, and with a class added later.
    again = Classifier(made).fit({n: examples[n] for n in NAMES[:2]})
    again.add_class(NAMES[2], examples[NAMES[2]])
    assert (again.predict_proba(queries) == p).all()
    assert again.scale_ == classifier.scale_ and again.classes_ == classifier.classes_
    alone = [classifier.predict_proba(queries[i : i + 1])[0] for i in range(6)]
    assert np.allclose(alone, p, atol=1e-5)


@pytest.mark.parametrize("name", ["module", "prototypes", "MAML"])
def test_later_training_changes_no_classifier(name, compiled_device):
    made, queries = EMBEDDINGS[name](), arrays(1, 9)["bar"]
    classifier = Classifier(made).fit(arrays())
    before = classifier.predict_proba(queries)
    for parameter in made.parameters():
        parameter.assign(parameter * 0.5)
    assert (classifier.predict_proba(queries) == before).all()
    assert not (classifier.fit(arrays()).predict_proba(queries) == before).all()


def test_a_learner_gives_what_its_adapted_network_gives(compiled_device):
    x, queries = arrays(), arrays(2, 9)["disc"]
    support, labels = np.concatenate([*x.values()]), np.repeat(np.arange(3), 3)
    for name in ("prototypes", "ridge regression", "MAML"):
        learner = EMBEDDINGS[name]()
        expected = learner.adapt_to_task(support, labels)(nx.tensor(queries)).numpy()
        found = Classifier(learner).fit(x).logits(queries)
        assert np.allclose(found, expected[:, :3], rtol=1e-4, atol=1e-5)


# ---- the formulas, by hand -----------------------------------------------------------

Z = {"a": [[0.0, 0.0], [2.0, 0.0]], "b": [[0.0, 4.0], [0.0, 8.0]]}
Q = np.array([[1.0, 1.0], [3.0, 5.0]])


def by_hand(metric, centre, normalize):
    z = {name: np.array(rows) for name, rows in Z.items()}
    middle = np.concatenate([*z.values()]).mean(axis=0)
    move = {None: 0.0, "support": middle}.get(centre, centre)

    def unit(x):
        return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-300)

    def moved(x):
        return unit(x - move) if normalize else x - move

    c = np.stack([moved(rows).mean(axis=0) for rows in z.values()])
    if metric == "euclidean":
        return -((moved(Q)[:, None] - c) ** 2).sum(axis=2)
    return unit(moved(Q)) @ unit(c).T - 1.0


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("centre", [None, "support", (0.5, -1.0)])
@pytest.mark.parametrize("normalize", [False, True])
def test_nearest_centroids(metric, centre, normalize):
    settings = {"metric": metric, "centre": centre, "normalize": normalize}
    classifier = Classifier(flat, **settings).fit(
        {name: np.array(rows) for name, rows in Z.items()}
    )
    expected = by_hand(metric, None if centre is None else centre, normalize)
    assert np.allclose(classifier.logits(Q), expected, atol=1e-6)


def test_the_scale_is_that_of_the_likelihood():
    rng = np.random.default_rng(0)
    x = {n: rng.normal(3.0 * k, 2.0, (20, 4)) for k, n in enumerate("abc")}
    classifier = Classifier(flat).fit(x)
    # Leave-one-out by hand, and a grid for the scale.
    z, y = np.concatenate([*x.values()]).astype(np.float32), np.repeat(range(3), 20)
    logits = np.empty((60, 3))
    for i in range(60):
        others = np.arange(60) != i
        for k in range(3):
            c = z[others & (y == k)].astype(float).mean(axis=0)
            logits[i, k] = -((z[i] - c) ** 2).sum()
    right = 61 / 62
    target = np.where(np.eye(3)[y] == 1, right, (1 - right) / 2)

    def loss(a):
        s = a * (logits - logits.max(axis=1, keepdims=True))
        return -(target * (s - np.log(np.exp(s).sum(1, keepdims=True)))).sum()

    grid = np.geomspace(1e-3, 1e3, 4001)
    best = grid[np.argmin([loss(a) for a in grid])]
    assert math.isclose(classifier.scale_, best, rel_tol=2e-3)
    assert Classifier(flat, scale=0.25).fit(x).scale_ == 0.25


def test_one_example_a_class_and_one_class():
    one = {"a": np.zeros((1, 2)), "b": np.array([[2.0, 0.0]])}
    classifier = Classifier(flat).fit(one)
    assert classifier.scale_ == 0.25  # the classes' distance is 4
    assert classifier.predict(np.array([[0.5, 0.0]])).tolist() == ["a"]
    with pytest.raises(InvalidArgumentError, match="every class has one example"):
        classifier.calibrate(0.1)
    classifier = Classifier(flat).fit({"a": np.zeros((3, 2))})
    assert classifier.predict_proba(Q).tolist() == [[1.0], [1.0]]
    classifier.threshold = -3.0
    assert classifier.predict(Q).tolist() == ["a", None]


# ---- kinds of examples ---------------------------------------------------------------


@pytest.fixture
def fitted(tmp_path):
    root = folder_of(tmp_path / "known")
    return root, Classifier(flat, PREPROCESS).fit(root)


def test_examples_of_every_kind(fitted):
    root, first = fitted
    expected = first.predict_proba([drawn("disc", 7)])
    files = {name: sorted((root / name).iterdir()) for name in NAMES}
    listed = [file for some in files.values() for file in some]
    labels = [file.parent.name for file in listed]
    kinds = {
        "text": (str(root), None),
        "bytes": (os.fsencode(root), None),
        "files": (files, None),
        "folders": ({name: root / name for name in NAMES}, None),
        "images": ({n: [Image.open(f) for f in s] for n, s in files.items()}, None),
        "mixed": (
            {n: [f[0], Image.open(f[1]), np.asarray(Image.open(f[2]))]
             for n, f in files.items()},
            None,
        ),
        "with labels": (listed, labels),
        "shuffled": (listed[::-1], np.array(labels)[::-1]),
    }  # fmt: skip
    for name, (examples, y) in kinds.items():
        classifier = Classifier(flat, PREPROCESS).fit(examples, y)
        assert classifier.classes_ == NAMES, name
        found = classifier.predict_proba([drawn("disc", 7)])
        assert np.allclose(found, expected), name


def test_queries_of_every_kind(fitted, tmp_path):
    _, classifier = fitted
    new = folder_of(tmp_path / "new", 1, first=5)
    files = list_images(new)
    expected = classifier.predict_proba(new)
    pixels = [np.asarray(Image.open(f)) for f in files]
    for given in (str(new), files, [Image.open(f) for f in files], pixels):
        assert (classifier.predict_proba(given) == expected).all()
    assert (classifier.predict_proba(files[0]) == expected[:1]).all()
    assert (classifier.predict_proba(Image.open(files[1])) == expected[1:2]).all()
    square = np.stack([PREPROCESS.pixels(f) for f in files])  # an array is a batch
    assert classifier.predict_proba(square).shape == (3, 3)
    assert classifier.predict([]).shape == (0,)
    for one in (pixels[0], pixels[0][..., 0]):
        with pytest.raises(ShapeError, match=r"\[picture\]|\[n, h, w\]"):
            classifier.predict(one)
    assert classifier.predict(new).tolist() == list(NAMES)


def test_whole_numbers_as_labels():
    x = np.concatenate([np.array(rows) for rows in Z.values()])
    classifier = Classifier(flat).fit(x, np.array([7, 7, 3, 3], np.uint8))
    assert classifier.classes_ == (3, 7)
    assert classifier.predict(Q[:1]).tolist() == [7]
    assert classifier.evaluate(Q[:1], [7]).accuracy == 1.0
    with pytest.raises(InvalidArgumentError, match="'x' beside 3"):
        classifier.add_class("x", Q)


def test_batches_do_not_matter(compiled_device):
    queries = np.concatenate([*arrays(3, 9).values()])
    one = Classifier(network()).fit(arrays())
    other = Classifier(network(), batch_size=2).fit(arrays())
    assert np.allclose(one.predict_proba(queries), other.predict_proba(queries))


# ---- none of these -------------------------------------------------------------------


def test_the_threshold_keeps_its_promise():
    """Over many draws, known images are rejected at no more than the rate."""
    rng = np.random.default_rng(0)
    for rate in (0.05, 0.2):
        rejected = []
        for _ in range(60):
            x = {n: rng.normal(4.0 * k, 1.0, (10, 3)) for k, n in enumerate("abc")}
            classifier = Classifier(flat).fit(x)
            held = rng.normal(np.repeat([0, 4, 8], 20)[:, None], 1.0, (60, 3))
            classifier.calibrate(rate, held_out=held)
            new = rng.normal(np.repeat([0, 4, 8], 30)[:, None], 1.0, (90, 3))
            rejected.append(np.mean([x is None for x in classifier.predict(new)]))
        assert rate / 2 < np.mean(rejected) < rate + 0.015


def test_leave_one_out_rejects_what_is_far_away():
    rng = np.random.default_rng(1)
    x = {n: rng.normal(4.0 * k, 1.0, (20, 3)) for k, n in enumerate("abc")}
    classifier = Classifier(flat).fit(x)
    found = classifier.calibrate(0.1)
    assert classifier.threshold == found
    near, far = rng.normal(4.0, 1.0, (200, 3)), rng.normal(-40.0, 1.0, (20, 3))
    scores = classifier.evaluate([*near, *far], ["b"] * 200 + [None] * 20)
    assert scores.rejected < 0.2 and scores.accepted == 0.0
    assert set(scores.by_class) == {"b", None} and scores.count == 220
    assert "unknown ones accepted" in str(scores)
    assert classifier.is_known(far).sum() == 0
    # What a class's share says is no help there: it is certain of the nearest one.
    assert classifier.predict_proba(far).max(axis=1).min() > 0.9
    classifier.add_class("far", rng.normal(-40.0, 1.0, (5, 3)))
    assert classifier.threshold == found
    assert classifier.predict(far)[0] == "far"
    classifier.threshold = None
    assert None not in classifier.predict(far + 99).tolist()


@pytest.mark.parametrize("name", ["module", "prototypes", "MAML"])
def test_leave_one_out_is_fitting_without_one(name, compiled_device):
    examples = arrays()
    classifier = Classifier(EMBEDDINGS[name]()).fit(examples)
    with pytest.warns(UserWarning, match="9 scores cannot tell a rate of 0.05"):
        found = classifier.calibrate(0.05)
    by_hand = []
    for label in NAMES:
        for i in range(3):
            some = {**examples, label: np.delete(examples[label], i, axis=0)}
            left = Classifier(EMBEDDINGS[name]()).fit(some)
            by_hand.append(left.logits(examples[label][i : i + 1]).max())
    assert math.isclose(found, min(by_hand), rel_tol=1e-4, abs_tol=1e-5)


def test_thresholds_formula():
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 20.0))
    for rate, expected in ((0.05, 1.0), (0.1, 2.0), (0.5, 10.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert threshold(scores, rate) == expected


# ---- what is refused -----------------------------------------------------------------


def test_before_fit():
    classifier = Classifier(flat, PREPROCESS)
    for call in (
        lambda: classifier.predict([drawn("bar")]),
        lambda: classifier.top_k([drawn("bar")]),
        lambda: classifier.classes_,
        lambda: classifier.scale_,
        lambda: classifier.calibrate(0.1),
        lambda: classifier.evaluate({"bar": [drawn("bar")]}),
        lambda: classifier.add_class("bar", [drawn("bar")]),
        lambda: classifier.save("never.safetensors"),
    ):
        with pytest.raises(InvalidArgumentError, match="no classes yet"):
            call()
    assert "no classes" in repr(classifier)


@pytest.mark.parametrize(
    ("embedding", "settings", "text"),
    [
        (None, {}, "the embedding is None"),
        (nn.Linear, {}, "the class Linear"),
        (flat, {"metric": "manhattan"}, "metric='manhattan'"),
        (flat, {"centre": "mean"}, "centre='mean'"),
        (flat, {"centre": [[1.0]]}, r"shape \(1, 1\)"),
        (flat, {"scale": -1.0}, "scale=-1.0"),
        (flat, {"threshold": "high"}, "threshold='high'"),
        (flat, {"unreadable": "ignore"}, "unreadable='ignore'"),
        (flat, {"batch_size": 0}, "batch_size=0"),
        (flat, {"preprocess": 28}, "preprocess is a int"),
        (PrototypicalNetworks(MLP([2, 2])), {"metric": "cosine"}, "rule of its own"),
        (
            MAML(MLP([2, 2]), loss=nn.functional.mse_loss, targets="values"),
            {},
            "targets are values",
        ),
        (
            ConditionalNeuralProcess(MLP([2, 4]), MLP([5, 2])),
            {},
            "no learner of classes",
        ),
        (network(batch_norm="transductive"), {}, 'batch_norm="running"'),
    ],
)
def test_what_makes_no_classifier(embedding, settings, text):
    with pytest.raises(InvalidArgumentError, match=text):
        Classifier(embedding, **settings)


@pytest.mark.parametrize(
    ("examples", "y", "text"),
    [
        ({}, None, "fit: no classes"),
        ([], [], "fit: no classes"),
        ({"a": []}, None, "class 'a' has no images"),
        ({"a": Q, None: Q}, None, "the label None"),
        ({"a": Q, 1: Q}, None, "several kinds"),
        (Q, None, "without labels"),
        (Q, ["a"], "2 images and 1 labels"),
        (Q, [0.5, 1.5], "labels of float64|0.5"),
        (Q, [["a"], ["b"]], r"labels of shape \(2, 1\)"),
        ({"a": np.zeros(3)}, None, r"shape \(3,\)"),
        ({"a": 5}, None, "a int"),
        ({"a": Q, "b": np.zeros((2, 3))}, None, "size 3, where .* are of 2"),
        ({"a": [np.zeros(2), np.zeros(3)]}, None, "example 1 has the shape"),
        ({"a": ["a.png"]}, None, "a.png, and this classifier knows no preprocessing"),
        ({"a": [["x"]]}, None, "array of <U1"),
        ({"a": np.full((2, 2), np.nan)}, None, "not finite"),
    ],
)
def test_examples_that_are_none(examples, y, text):
    classifier = Classifier(flat).fit({"old": Q})
    with pytest.raises(InvalidArgumentError, match=text):
        classifier.fit(examples, y)
    assert classifier.classes_ == ("old",)


def test_folders_that_hold_nothing(tmp_path):
    classifier = Classifier(flat, PREPROCESS)
    with pytest.raises(MissingDataError, match="there is no folder"):
        classifier.fit(tmp_path / "none")
    with pytest.raises(DatasetError, match="is empty"):
        classifier.fit(tmp_path)
    drawn("bar").save(tmp_path / "loose.png")
    with pytest.raises(DatasetError, match="has no class folders"):
        classifier.fit(tmp_path)
    folder_of(tmp_path / "known")
    (tmp_path / "known" / "nothing").mkdir()
    with pytest.warns(UserWarning, match="without images: 'nothing'") as told:
        classifier.fit(tmp_path / "known")
    assert told[0].filename == __file__
    with pytest.raises(InvalidArgumentError, match="is a folder; in a list"):
        classifier.predict([tmp_path])


def test_images_that_cannot_be_read(tmp_path):
    root = folder_of(tmp_path / "known")
    (root / "bar" / "9.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r'9\.png is not .* unreadable="skip"'):
        Classifier(flat, PREPROCESS).fit(root)
    classifier = Classifier(flat, PREPROCESS, unreadable="skip")
    with pytest.warns(
        UserWarning, match=r"1 of 10 images are skipped: .*9\.png"
    ) as told:
        classifier.fit(root)
    assert told[0].filename == __file__
    assert classifier.counts_ == {"bar": 3, "disc": 3, "square": 3}
    given = [root / "disc/0.png", root / "bar/9.png", root / "bar/0.png"]
    with pytest.warns(UserWarning, match="1 of 3 images"):
        assert classifier.predict(given).tolist() == ["disc", None, "bar"]
    with pytest.warns(UserWarning):
        p = classifier.predict_proba(given)
    assert np.isnan(p[1]).all() and np.isfinite(p[[0, 2]]).all()
    with pytest.warns(UserWarning):
        assert classifier.top_k(given, 1)[1] == []
    with pytest.warns(UserWarning):
        assert classifier.evaluate({"bar": given[1:]}).count == 1
    with pytest.raises(DatasetError, match=r"none of its 1 images .*; .*9\.png is not"):
        classifier.add_class("new", given[1:2])
    assert classifier.classes_ == NAMES


def test_queries_and_labels_that_do_not_fit():
    classifier = Classifier(flat).fit({n: np.array(rows) for n, rows in Z.items()})
    with pytest.raises(ShapeError, match=r"features of size 3, where .* are of 2"):
        classifier.predict(np.zeros((1, 3)))
    with pytest.raises(InvalidArgumentError, match="'c' is no class; there are 'a'"):
        classifier.evaluate(Q, ["a", "c"])
    with pytest.raises(InvalidArgumentError, match="a class 'a' already"):
        classifier.add_class("a", Q)
    with pytest.raises(InvalidArgumentError, match="has no images"):
        classifier.add_class("c", [])
    for rate in (0.0, 1.0, "all"):
        with pytest.raises(InvalidArgumentError, match="between 0 and 1"):
            classifier.calibrate(rate)
    for k in (0, 3, 1.5):
        with pytest.raises(InvalidArgumentError, match="k="):
            classifier.top_k(Q, k)
    with pytest.raises(InvalidArgumentError, match="does not adapt to 4 classes"):
        learner = MAML(MLP([2, 3]))
        Classifier(learner).fit(dict.fromkeys("abcd", Q))


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: x.sum(), r"shape \(\) for 2 images"),
        (lambda x: x[:1], r"shape \(1, 2\) for 2 images"),
        (lambda x: None, "array of object"),
        (lambda x: x * np.inf, "not finite"),
    ],
)
def test_callables_that_give_no_features(function, text):
    with (
        pytest.raises(InvalidArgumentError, match=text),
        np.errstate(invalid="ignore"),
    ):
        Classifier(function).fit({"a": Q})


# ---- how well ------------------------------------------------------------------------


def test_drawn_characters(compiled_device):
    """An embedding trained for seconds is far better than chance on other alphabets."""
    try:
        train, test = Omniglot(split="train"), Omniglot(split="test")
    except MissingDataError as error:
        pytest.skip(str(error))
    nx.manual_seed(0)
    learner = PrototypicalNetworks(network(), meta_lr=0.003)
    tasks = TaskSampler(train, ways=20, shots=5, queries=5, seed=0)
    learner.meta_learn(tasks, steps_per_epoch=60, tasks_per_batch=1, progress=False)
    chosen = np.random.default_rng(0).permutation(len(test.classes))
    names = [test.classes[i] for i in chosen[:20]]
    support = {n: test.class_examples(n)[:5] for n in names}
    queries = {n: test.class_examples(n)[5:15] for n in names}
    for embedding in (learner, learner.model):
        preprocess = Preprocess(28, channels=1)
        for classifier in (Classifier(embedding), Classifier(embedding, preprocess)):
            scores = classifier.fit(support).evaluate(queries)
            assert scores.accuracy > 0.5  # chance is 0.05
            assert scores.log_loss < math.log(20) / 1.5
    # Rejection: by leave-one-out on the support, so a rate somewhat below the wanted.
    classifier.calibrate(0.2)
    assert 0.02 < classifier.evaluate(queries).rejected < 0.35
