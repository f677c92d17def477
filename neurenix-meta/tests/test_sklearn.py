"""Estimators of scikit-learn: its own checks, its own ridge, pipelines and searches."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from pictures import NAMES, PREPROCESS, folder_of
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.meta import (
    MAML,
    MLP,
    Classifier,
    ConditionalNeuralProcess,
    Conv4,
    PrototypicalNetworks,
    generate_regression_tasks,
    load,
)
from neurenix.meta.sklearn import FewShotClassifier, FewShotRegressor

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(3 * k, 1, (12, 5)) for k in range(3)])
LABELS = np.repeat(["one", "three", "two"], 12)
VALUES = X @ RNG.normal(0, 1, (5, 2)) + RNG.normal(0, 0.1, (36, 2))


@parametrize_with_checks(
    [
        FewShotClassifier(),
        FewShotClassifier(head="ridge"),
        FewShotClassifier(head="matching", centre="support"),
        FewShotRegressor(),
    ]
)
def test_what_scikit_learn_checks(estimator, check):
    check(estimator)


def test_class_means_are_those_of_scikit_learn():
    few = FewShotClassifier().fit(X, LABELS)
    other = NearestCentroid().fit(X, LABELS)
    queries = RNG.normal(3, 3, (50, 5))
    assert few.predict(queries).tolist() == other.predict(queries).tolist()
    assert few.classes_.tolist() == ["one", "three", "two"]
    assert few.score(X, LABELS) == 1.0


@pytest.mark.parametrize("count", [4, 36])  # fewer rows than columns, and more
@pytest.mark.parametrize("columns", [slice(0, 2), 0])
@pytest.mark.parametrize("weight", [0.1, 10.0])
def test_regression_is_that_of_scikit_learn(count, columns, weight):
    rows, targets = X[:count], VALUES[:count, columns]
    few = FewShotRegressor(regularization=weight).fit(rows, targets)
    other = Ridge(alpha=weight).fit(rows, targets)
    assert np.allclose(few.predict(X), other.predict(X))


def test_pipelines_searches_and_scores():
    pipe = make_pipeline(StandardScaler(), FewShotClassifier(head="ridge"))
    grid = {"fewshotclassifier__regularization": [0.1, 10.0]}
    search = GridSearchCV(pipe, grid, cv=3, scoring="neg_log_loss").fit(X, LABELS)
    assert len(search.cv_results_["params"]) == 2
    assert search.best_estimator_.score(X, LABELS) > 0.8
    heads = GridSearchCV(
        FewShotClassifier(),
        {"head": ["centroids", "ridge", "matching"], "normalize": [False, True]},
        cv=3,
    ).fit(X, LABELS)
    assert heads.best_score_ > 0.9
    regression = make_pipeline(StandardScaler(), FewShotRegressor(regularization=0.1))
    assert cross_val_score(regression, X, VALUES, cv=3).min() > 0.9


def test_an_embedding_of_ones_own():
    nx.manual_seed(0)
    images = RNG.uniform(0, 1, (9, 1, 16, 16)).astype(np.float32)
    y = np.repeat([3, 5, 9], 3)
    few = FewShotClassifier(Conv4(hidden=4), centre="support", normalize=True)
    copied = clone(few)
    assert copied.embedding is not few.embedding
    few.fit(images, y)
    own = Classifier(few.embedding, centre="support", normalize=True).fit(images, y)
    assert np.array_equal(few.predict_proba(images), own.predict_proba(images))
    other = pickle.loads(pickle.dumps(few))
    assert np.array_equal(other.predict(images), few.predict(images))
    assert few.predict(images).dtype == y.dtype
    with pytest.raises(ShapeError, match=r"features of size 16, where .* are of 4"):
        few.predict(np.tile(images, (1, 1, 2, 2)))


def test_images_in_files(tmp_path):
    """Paths go through Preprocess; the fitted classifier is saved without pickle."""
    nx.manual_seed(0)
    folder_of(tmp_path / "shapes")
    paths = sorted((tmp_path / "shapes").glob("*/*.png"))
    y = np.repeat(NAMES, 3)
    learner = PrototypicalNetworks(Conv4(hidden=4))
    few = FewShotClassifier(learner, PREPROCESS)
    scores = cross_val_score(few, paths, y, cv=3)
    assert len(scores) == 3 and np.isfinite(scores).all()
    texts = np.array([str(path) for path in paths])
    for array in (texts, texts.astype(object), np.array(paths, object)):
        assert cross_val_score(few, array, y, cv=3).tolist() == scores.tolist()
    few.fit(texts, y).save(tmp_path / "few")
    loaded = load(tmp_path / "few")
    assert loaded.classes_ == NAMES
    assert loaded.predict(paths).tolist() == few.predict(texts).tolist()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["one", "three", "two"], ("one", "three", "two")),
        (np.array(["one", "three", "two"], object), ("one", "three", "two")),
        ([-3, 5, 9], (-3, 5, 9)),
        ([0.0, 7.0, 20.0], (0, 7, 20)),
    ],
)
def test_a_file_has_the_names_of_the_classes(labels, classes, tmp_path):
    """Also one without an embedding, in a process that knows no scikit-learn."""
    few = FewShotClassifier().fit(X, np.repeat(labels, 12))
    few.save(tmp_path / "few")
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from neurenix.meta import load\n"
        "few = load(sys.argv[1])\n"
        "print([few.classes_, few.predict(np.eye(5)).tolist()])\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "few"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = few.predict(np.eye(5))
    if found.dtype.kind == "f":
        found = found.astype(int)
    assert said.stdout.strip() == str([classes, found.tolist()])


def test_a_meta_learned_regressor():
    nx.manual_seed(0)
    tasks = generate_regression_tasks(200, 10, seed=0)
    learner = MAML(MLP([1, 32, 32, 1]), inner_lr=0.05, inner_steps=2)
    learner.meta_learn(tasks, epochs=2, progress=False)
    task = generate_regression_tasks(1, 10, seed=5)[0]
    x, y = task.support_x.numpy(), task.support_y.numpy()
    few = FewShotRegressor(learner, steps=5).fit(x, y[:, 0])
    network = learner.adapt_to_task(x, y, 5)
    assert np.allclose(few.predict(x), network(x).numpy()[:, 0])
    assert few.predict(task.query_x.numpy()).shape == (len(task.query_x),)
    assert FewShotRegressor(learner).fit(x, y).predict(x).shape == y.shape
    process = ConditionalNeuralProcess(MLP([2, 8, 8]), MLP([9, 8, 2]))
    mean, _ = process.adapt_to_task(x, y)(x)
    assert np.allclose(FewShotRegressor(process).fit(x, y).predict(x), mean.numpy())
    assert FewShotRegressor(MLP([1, 4, 4])).fit(x, y[:, 0]).score(x, y[:, 0]) > 0.0


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        (FewShotClassifier(head="svm"), "head='svm'"),
        (FewShotClassifier(embedding=3), "the embedding is"),
        (FewShotRegressor(regularization=-1), "regularization"),
        (FewShotRegressor(steps=3), "steps=3; it is for learners of gradient steps"),
        (FewShotRegressor(embedding="conv4"), "embedding='conv4'"),
        (
            FewShotRegressor(PrototypicalNetworks(nn.Linear(5, 2))),
            "targets are classes; expected a learner of values, or FewShotClassifier",
        ),
    ],
    ids=repr,
)
def test_settings_are_refused_in_fit(estimator, text):
    y = VALUES[:, 0] if isinstance(estimator, FewShotRegressor) else LABELS
    with pytest.raises(InvalidArgumentError, match=text):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_without_scikit_learn_an_error_says_what_to_install():
    program = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import neurenix.meta\n"
        "try: import neurenix.meta.sklearn\n"
        "except ImportError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert 'pip install "./neurenix-meta[sklearn]"' in said.stdout
