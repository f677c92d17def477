"""Recogniser: what is kept of an example, and how kept examples make logits."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Logits [m, ways] of what was kept of m queries.
Scoring = Callable[[Array], NDArray[np.float64]]


class Recogniser(abc.ABC):
    """What a `Classifier` is made of: an embedding with a rule, or an adapting learner.

    Nothing of it changes when examples are given: each function depends on its
    arguments alone, so that classes can be added, left out and counted again.
    """

    #: Whether its logits are those that a softmax was trained with.
    has_logits: bool = True

    @property
    def transductive(self) -> bool:
        """Whether a query's logits depend on the queries that come with it."""
        return False

    @abc.abstractmethod
    def kept(self, x: Array) -> Array:
        """What is kept of examples as they are read, [n, ...] -> [n, ...]."""

    @abc.abstractmethod
    def scoring(self, kept: Array, classes: NDArray[np.int64], ways: int) -> Scoring:
        """The logits that these examples, of classes 0 to ways − 1, make."""

    def left_out(
        self, kept: Array, classes: NDArray[np.int64], ways: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Leave-one-out logits [m, ways] of the examples whose class has others, each
        from all examples but itself; and those examples' numbers [m]."""
        counts = np.bincount(classes, minlength=ways)
        rows = np.flatnonzero(counts[classes] > 1)
        logits = np.empty((len(rows), ways))
        for place, row in enumerate(rows):
            others = np.arange(len(kept)) != row
            score = self.scoring(kept[others], classes[others], ways)
            logits[place] = score(kept[row : row + 1])[0]
        return logits, rows
