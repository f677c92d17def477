"""Matching: attention over all examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .rules import Compared, Numbers, Rule, Values, one_hot, unit


@dataclass(frozen=True)
class Matching(Rule):
    """Logits log Σᵢ a(z, zᵢ) yᵢ with a the softmax over the examples of the cosine of z
    and zᵢ (Vinyals et al. 2016, arXiv:1606.04080, section 2.1.1).

    >>> z = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> score = Matching().scoring(z, np.array([0, 1]), 2)
    >>> np.exp(score(np.array([[3.0, 0.0]]))).round(3).tolist()
    [[0.731, 0.269]]
    """

    name: ClassVar[str] = "matching"

    def fitted(self, z: Values, classes: Numbers, ways: int) -> Compared:
        support, y = unit(z), one_hot(classes, ways)
        return lambda queries: _log_shares(np.exp(unit(queries) @ support.T), y)

    def without_itself(
        self, z: Values, classes: Numbers, ways: int, rows: Numbers
    ) -> Values:
        support = unit(z)
        attention = np.exp(support @ support.T)
        np.fill_diagonal(attention, 0.0)
        return _log_shares(attention[rows], one_hot(classes, ways))


def _log_shares(attention: Values, y: Values) -> Values:
    """log of each class's share of attention [m, n]; cosines are 1 at most, so that
    nothing overflows, and every class has an example."""
    shares: Values = np.log(attention @ y / attention.sum(axis=1, keepdims=True))
    return shares
