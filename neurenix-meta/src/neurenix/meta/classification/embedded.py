"""Embedded: recognisers that keep features, from a module, a learner or a callable."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.nn.modes import mode
from neurenix.settings import new_tensors_on

from ..calls import home_of
from ..methods.embedding_based import EmbeddingBased
from ..models.batch_norm import depends_on_batch
from ..returned import output_of
from ..tasks.reading import dtype_of, network_input
from .recogniser import Array, Recogniser, Scoring
from .rules import Rule

Features = Callable[[Array], object]


def identity(x: Array) -> Array:
    """The embedding of rows that are features already; files name it."""
    return x


class OfFeatures(Recogniser):
    """What keeps features, which a rule compares."""

    has_logits = False

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    @property
    def transductive(self) -> bool:
        return isinstance(self.rule.centre, str) and self.rule.centre == "transductive"

    def scoring(self, kept: Array, classes: NDArray[np.int64], ways: int) -> Scoring:
        return self.rule.scoring(kept, classes, ways)

    def left_out(
        self, kept: Array, classes: NDArray[np.int64], ways: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return self.rule.left_out(kept, classes, ways)


class OfCallable(OfFeatures):
    """The features that a function gives: a frozen backbone of one's own."""

    def __init__(self, embedding: Features, rule: Rule) -> None:
        super().__init__(rule)
        self.embedding = embedding

    @property
    def place(self) -> str:
        """Its name and its module."""
        named = self.embedding
        if not inspect.isroutine(named):
            named = type(named)
        return f"{named.__module__}.{named.__qualname__}"

    def kept(self, x: Array) -> Array:
        found = np.asarray(self.embedding(x))
        if found.dtype.kind not in "fiu":
            raise InvalidArgumentError(
                f"the embedding {self.place} gives an array of {found.dtype}; expected "
                "numbers [n, d]"
            )
        return checked(self.place, found, len(x))


class OfModule(OfFeatures):
    """The features that a module gives, as it was when this was made."""

    def __init__(self, module: nn.Module, rule: Rule) -> None:
        super().__init__(rule)
        self.module = copied(module)

    def kept(self, x: Array) -> Array:
        name = type(self.module).__name__
        return checked(name, features(self.module, x, None), len(x))


class OfLearner(Recogniser):
    """The features and the rule of a learner with an embedding (`EmbeddingBased`), as
    it was when this was made."""

    def __init__(self, learner: EmbeddingBased) -> None:
        self.learner = copied(learner)

    def kept(self, x: Array) -> Array:
        model = self.learner.model
        found = features(model, x, self.learner.kinds.inputs)
        return checked(type(model).__name__, found, len(x))

    def scoring(self, kept: Array, classes: NDArray[np.int64], ways: int) -> Scoring:
        learner = self.learner
        home = home_of(learner)
        with new_tensors_on(home), nx.no_grad():
            values = learner.all_values({})
            embedded = nx.tensor(kept, dtype=learner.dtype)
            labels = nx.tensor(classes, dtype=nx.int32)
            fitted = learner.fitted(values, embedded, labels, ways)

        def score(queries: Array) -> NDArray[np.float64]:
            with new_tensors_on(home), nx.no_grad():
                z = nx.tensor(queries, dtype=learner.dtype)
                logits = learner.logits(values, fitted, z)
            return logits.numpy().astype(np.float64)

        return score


M = TypeVar("M", bound=nn.Module)


def copied(module: M) -> M:
    """A module as it is now; what is trained later is another one.

    Raises InvalidArgumentError for an embedding whose batch norm takes the statistics
    of whatever images come together.
    """
    if depends_on_batch(module):
        raise InvalidArgumentError(
            f"Classifier: {type(module).__name__} has batch norm in a mode that takes "
            "the statistics of a batch, so that an image's class would depend on which "
            'others come with it; train the embedding with batch_norm="running"'
        )
    return copy.deepcopy(module)


def features(module: nn.Module, x: Array, inputs: str | None) -> Array:
    """What a module gives in evaluation, flattened: [n, ...] -> [n, d]."""
    with (
        new_tensors_on(home_of(module)),
        mode(module, training=False),
        nx.no_grad(),
    ):
        read = network_input("the images", x, inputs, dtype_of(module))
        return output_of(module, module(read)).numpy()


def checked(name: str, found: Array, count: int) -> Array:
    """Features [n, d] of any of more axes.

    Raises ShapeError or InvalidArgumentError for what are no features of n examples.
    """
    if found.ndim < 2 or len(found) != count or found.size == 0:
        raise ShapeError(
            f"the embedding {name} gives outputs of shape {found.shape} for {count} "
            "images; expected [n, d], a vector for each"
        )
    if not np.isfinite(found).all():
        raise InvalidArgumentError(
            f"the embedding {name} gives features that are not finite"
        )
    dtype = found.dtype if found.dtype == np.float64 else np.float32
    return found.reshape(count, -1).astype(dtype)
