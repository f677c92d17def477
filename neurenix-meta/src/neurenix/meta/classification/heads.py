"""Heads: the rule that a user asks for by name."""

from __future__ import annotations

from typing import Any

from neurenix.arguments import positive
from neurenix.errors import InvalidArgumentError

from .centroids import METRICS, Centroids
from .matching import Matching
from .ridge import Ridge
from .rules import Rule, checked_centre, checked_normalize

HEADS = (Centroids.name, Ridge.name, Matching.name)
DEFAULT = Centroids()


def rule_of(
    head: str, metric: str, centre: Any, normalize: bool, regularization: float
) -> Rule:
    """The rule of what `Classifier` is given.

    Raises InvalidArgumentError for what it does not know, and for a metric or a
    regularization that the head has not.
    """
    moves = checked_centre(centre), checked_normalize(normalize)
    if head not in HEADS:
        raise InvalidArgumentError(
            f"Classifier: head={head!r}; expected one of {', '.join(map(repr, HEADS))}"
        )
    if metric not in METRICS:
        raise InvalidArgumentError(
            f"Classifier: metric={metric!r}; expected {' or '.join(map(repr, METRICS))}"
        )
    weight = positive("Classifier", "regularization", regularization)
    if head != Centroids.name and metric != METRICS[0]:
        raise InvalidArgumentError(
            f"Classifier: metric={metric!r} with head={head!r}; it is for "
            "head='centroids'"
        )
    if head != Ridge.name and weight != 1.0:
        raise InvalidArgumentError(
            f"Classifier: regularization={regularization!r} with head={head!r}; it is "
            "for head='ridge'"
        )
    if head == Ridge.name:
        return Ridge(*moves, regularization=weight)
    if head == Matching.name:
        return Matching(*moves)
    return Centroids(*moves, metric=metric)
