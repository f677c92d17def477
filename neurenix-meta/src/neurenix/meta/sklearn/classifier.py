"""FewShotClassifier: `neurenix.meta.Classifier` with the habits of scikit-learn."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from neurenix import nn

from ..classification.classifier import Classifier
from ..classification.embedded import Features, identity
from ..datasets.preprocess import Preprocess
from ..weights.pretrained import Pretrained
from .features import Array, checked


class FewShotClassifier(ClassifierMixin, BaseEstimator):
    """A few-shot classifier as an estimator: fit, predict, predict_proba, score, clone,
    pipelines and searches.

    `fit` trains no weights: it embeds the examples and fits a head to their features.

    embedding    a module, a callable, a learner or what `pretrained` gives, as of
                 `neurenix.meta.Classifier`. None: rows of X are features as they are
    preprocess   where X has images of any size: a list or an array [n] of paths, PIL
                 images, arrays. None: X is numbers [n, ...], which the embedding reads
                 as they are

    Other arguments are those of `neurenix.meta.Classifier`.

    Attributes:
        classes_: the labels, sorted: the columns of `predict_proba`.
        classifier_: the `neurenix.meta.Classifier` that was fitted, with these labels
            as texts or whole numbers.
        n_features_in_: of X that is numbers.

    Raises ValueError (`InvalidArgumentError` is one) for settings that are unknown, in
    `fit`, as scikit-learn's own estimators do.

    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (5, 8)), rng.normal(3, 1, (5, 8))])
    >>> y = np.repeat(["near", "far"], 5)
    >>> FewShotClassifier(head="ridge").fit(X, y).predict(X[:1] + 3.0).tolist()
    ['far']
    """

    def __init__(
        self,
        embedding: nn.Module | Features | Pretrained | None = None,
        preprocess: Preprocess | None = None,
        *,
        head: str = "centroids",
        metric: str = "euclidean",
        centre: Any = None,
        normalize: bool = False,
        regularization: float = 1.0,
        scale: float | None = None,
        batch_size: int = 64,
    ) -> None:
        self.embedding = embedding
        self.preprocess = preprocess
        self.head = head
        self.metric = metric
        self.centre = centre
        self.normalize = normalize
        self.regularization = regularization
        self.scale = scale
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any) -> FewShotClassifier:
        """Learn the classes of examples X [n, ...] with labels y [n]."""
        classifier = Classifier(
            identity if self.embedding is None else self.embedding,
            self.preprocess,
            head=self.head,
            metric=self.metric,
            centre=self.centre,
            normalize=self.normalize,
            regularization=self.regularization,
            scale=self.scale,
            batch_size=self.batch_size,
        )
        X, y = checked(self, X, classifier.preprocess, reset=True, y=y)
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        # Floats are whole here: targets that are continuous have been refused.
        names = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
        classifier.fit(X, names)
        self.classes_, self.classifier_ = np.unique(labels), classifier
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The label of each example, [m]."""
        logits = self._fitted().logits(self._read(X))
        return self.classes_[np.argmax(logits, axis=1)]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities [m, classes], columns in the order of `classes_`."""
        return self._fitted().predict_proba(self._read(X))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file without pickle, which `neurenix.meta.load` reads, as a
        `Classifier` whose classes are the labels: texts, or whole numbers."""
        self._fitted().save(path)

    def _fitted(self) -> Classifier:
        check_is_fitted(self, "classifier_")
        return self.classifier_

    def _read(self, X: Any) -> Array:
        return checked(self, X, self._fitted().preprocess)
