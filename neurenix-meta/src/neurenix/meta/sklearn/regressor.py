"""FewShotRegressor: ridge regression on features, or a meta-learned regressor."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

import neurenix as nx
from neurenix import nn
from neurenix.arguments import positive, whole
from neurenix.errors import InvalidArgumentError

from ..classification.embedded import Features, OfCallable, OfModule, identity
from ..classification.heads import DEFAULT
from ..learner import MetaLearner
from ..methods.embedding_based import EmbeddingBased
from ..methods.gradient_based import GradientBased
from .features import Array, checked
from .ridge import RidgeOnFeatures

Values = NDArray[np.float64]


class FewShotRegressor(RegressorMixin, BaseEstimator):
    """A few-shot regressor as an estimator: fit, predict, score, clone, pipelines and
    searches.

    With features Z [n, d] of the examples, by a module or a callable, ridge regression
    in closed form, as R2D2's (Bertinetto et al. 2019, arXiv:1805.08136, section 3.2)
    with an intercept that is not shrunk:

        W = Zcᵀ (Zc Zcᵀ + λ I)⁻¹ (Y − ȳ),   ŷ = ȳ + (z − z̄) W,   Zc = Z − z̄

    With a learner of values (`MAML`, `Reptile`, `ConditionalNeuralProcess`, …), that
    learner, adapted to the examples.

    embedding        a module, a callable or a learner. None: rows of X are features as
                     they are
    regularization   λ of ridge regression
    steps            gradient steps of a learner; None: as in training
    batch_size       rows embedded at once

    Attributes:
        model_: the learner's network, adapted, or the ridge regression.
        n_features_in_: of X.

    Raises ValueError (`InvalidArgumentError` is one) for settings that are unknown and
    for a learner of classes, in `fit`.

    >>> X = np.arange(6.0)[:, None]
    >>> regressor = FewShotRegressor(regularization=1e-6).fit(X, 2.0 * X[:, 0] + 1.0)
    >>> regressor.predict([[10.0]]).round(3).tolist()
    [21.0]
    """

    def __init__(
        self,
        embedding: nn.Module | Features | None = None,
        *,
        regularization: float = 1.0,
        steps: int | None = None,
        batch_size: int = 64,
    ) -> None:
        self.embedding = embedding
        self.regularization = regularization
        self.steps = steps
        self.batch_size = batch_size

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> FewShotRegressor:
        """Learn from examples X [n, ...] with targets y [n] or [n, outputs]."""
        weight = positive("FewShotRegressor", "regularization", self.regularization)
        size = whole("FewShotRegressor", "batch_size", self.batch_size, 1)
        if self.steps is not None and not isinstance(self.embedding, GradientBased):
            raise InvalidArgumentError(
                f"FewShotRegressor: steps={self.steps!r}; it is for learners of "
                "gradient steps"
            )
        X, y = checked(self, X, reset=True, y=y, multi_output=True, y_numeric=True)
        targets = np.asarray(y, np.float64)
        rows = targets.reshape(len(targets), -1)
        model: nn.Module | RidgeOnFeatures
        if isinstance(self.embedding, MetaLearner):
            model = self._adapted(self.embedding, X, rows)
        else:
            model = RidgeOnFeatures.fitted(self._features(), size, X, rows, weight)
        self.model_, self._one_output = model, targets.ndim == 1
        return self

    def predict(self, X: Any) -> Values:
        """The value of each example, [m] or [m, outputs]."""
        check_is_fitted(self, "model_")
        X = checked(self, X)
        if isinstance(self.model_, RidgeOnFeatures):
            found = self.model_(X)
        else:
            with nx.no_grad():
                output = self.model_(X)
            # A neural process gives a mean and a deviation.
            output = output[0] if isinstance(output, tuple) else output
            found = output.numpy().astype(np.float64)
        return found[:, 0] if self._one_output else found

    def _adapted(self, learner: MetaLearner, X: Array, y: Values) -> nn.Module:
        if isinstance(learner, EmbeddingBased) or learner.kinds.targets == "classes":
            raise InvalidArgumentError(
                f"FewShotRegressor: this {type(learner).__name__}'s targets are "
                "classes; expected a learner of values, or FewShotClassifier"
            )
        # A copy: its first use may decide what its inputs are.
        own, targets = copy.deepcopy(learner), y.astype(np.float32)
        if isinstance(own, GradientBased):
            return own.adapt_to_task(X, targets, self.steps)
        return own.adapt_to_task(X, targets)

    def _features(self) -> OfModule | OfCallable:
        embedding = identity if self.embedding is None else self.embedding
        if isinstance(embedding, nn.Module):
            return OfModule(embedding, DEFAULT)
        if not callable(embedding):
            raise InvalidArgumentError(
                f"FewShotRegressor: embedding={self.embedding!r}; expected a module, a "
                "learner of values, or a function that gives features"
            )
        return OfCallable(embedding, DEFAULT)
