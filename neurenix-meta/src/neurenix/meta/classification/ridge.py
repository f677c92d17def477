"""Ridge: regression on the classes' one-hot labels, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .rules import Compared, Numbers, Rule, Values, one_hot


@dataclass(frozen=True)
class Ridge(Rule):
    """Logits z W with W = Zᵀ (Z Zᵀ + λ I)⁻¹ Y, for Z [n, d] the examples' features and
    Y [n, ways] their one-hot labels: R2D2's head (Bertinetto et al. 2019,
    arXiv:1805.08136, section 3.2), with λ given.

    regularization   λ

    >>> z = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> score = Ridge(regularization=1.0).scoring(z, np.array([0, 1]), 2)
    >>> score(z).round(6).tolist()
    [[0.5, 0.0], [0.0, 0.8]]
    """

    name: ClassVar[str] = "ridge"

    regularization: float = 1.0

    def fitted(self, z: Values, classes: Numbers, ways: int) -> Compared:
        weight = z.T @ np.linalg.solve(self._system(z), one_hot(classes, ways))
        return lambda queries: queries @ weight

    def without_itself(
        self, z: Values, classes: Numbers, ways: int, rows: Numbers
    ) -> Values:
        """In one pass: y − (y − ŷ) / (1 − h) = y − (A⁻¹ y) / (A⁻¹)ᵢᵢ for A = Z Zᵀ + λ I
        (Hastie, Tibshirani & Friedman 2009, section 7.10)."""
        inverse, y = np.linalg.inv(self._system(z)), one_hot(classes, ways)
        logits: Values = y - (inverse @ y) / np.diag(inverse)[:, None]
        return logits[rows]

    def _system(self, z: Values) -> Values:
        return z @ z.T + self.regularization * np.eye(len(z))
