"""Centroids: the nearest class mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .rules import Compared, Numbers, Rule, Values, unit

METRICS = ("euclidean", "cosine")


@dataclass(frozen=True)
class Centroids(Rule):
    """Logits −d(z, c_k) of features z, with c_k the mean of class k's (Snell, Swersky &
    Zemel 2017, arXiv:1703.05175, equations 1 and 2).

    metric   "euclidean": d = ‖z − c‖²; "cosine": d = 1 − z·c / (‖z‖ ‖c‖)

    Class by class: a class's logits depend on no other class, but for a centre that
    does.

    >>> z = np.array([[0.0], [2.0], [9.0]])
    >>> Centroids().scoring(z, np.array([0, 0, 1]), 2)(np.array([[3.0]])).tolist()
    [[-4.0, -36.0]]
    """

    name: ClassVar[str] = "centroids"

    metric: str = "euclidean"

    def fitted(self, z: Values, classes: Numbers, ways: int) -> Compared:
        centroids = _means(z, classes, ways)
        return lambda queries: self._logits(queries, centroids)

    def without_itself(
        self, z: Values, classes: Numbers, ways: int, rows: Numbers
    ) -> Values:
        """In one pass: without an example only its own class's mean is another,
        (n c − z) / (n − 1)."""
        counts = np.bincount(classes, minlength=ways)
        centroids = _means(z, classes, ways)
        logits = self._logits(z[rows], centroids)
        for place, row in enumerate(rows):
            own = classes[row]
            others = (counts[own] * centroids[own] - z[row]) / (counts[own] - 1)
            logits[place, own] = self._logits(z[row][None], others[None])[0, 0]
        return logits

    def _logits(self, z: Values, centroids: Values) -> Values:
        if self.metric == "cosine":
            z, centroids = unit(z), unit(centroids)
            columns = [(z * c).sum(axis=1) - 1.0 for c in centroids]
        else:
            columns = [-((z - c) ** 2).sum(axis=1) for c in centroids]
        return np.stack(columns, axis=1)


def _means(z: Values, classes: Numbers, ways: int) -> Values:
    return np.stack([z[classes == k].mean(axis=0) for k in range(ways)])
