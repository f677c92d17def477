"""Targets: class labels, given as numbers or one-hot, or values to be predicted."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import DtypeError, InvalidArgumentError, ShapeError

Array = NDArray[Any]
# What a method's targets are. "given": whatever its loss takes, whole numbers too.
Targets = Literal["classes", "values", "either", "given"]


def is_one_hot(y: Array) -> bool:
    """Whether y is [n, ways], ways ≥ 2, with one 1 in each row and 0 elsewhere.

    >>> is_one_hot(np.eye(3)), is_one_hot(np.ones((3, 1)))
    (True, False)
    """
    return bool(
        y.ndim == 2
        and y.shape[1] >= 2
        and np.isin(y, (0, 1)).all()
        and (y.sum(axis=1) == 1).all()
    )


def is_classes(y: Array) -> bool:
    """Whether y holds class labels: whole numbers [n], or one-hot rows."""
    return (y.dtype.kind in "iub" and y.ndim == 1) or is_one_hot(y)


def class_numbers(name: str, y: Array) -> tuple[NDArray[np.int32], int | None]:
    """Labels as int32 [n], and how many classes one-hot rows speak of (else None).

    Raises InvalidArgumentError, DtypeError or ShapeError for what are no labels.

    >>> class_numbers("support_y", np.array([[0, 1], [1, 0]]))
    (array([1, 0], dtype=int32), 2)
    """
    if is_one_hot(y):
        return y.argmax(axis=1).astype(np.int32), y.shape[1]
    if y.ndim != 1:
        raise ShapeError(
            f"{name} of shape {y.shape}: class labels are [n] numbers from 0, or "
            "one-hot rows [n, ways]"
        )
    if y.dtype.kind not in "iub":
        raise DtypeError(
            f"{name} of {y.dtype}: class labels are whole numbers from 0, or one-hot "
            "rows"
        )
    if y.size and y.min() < 0:
        raise InvalidArgumentError(f"{name} has the label {y.min()}; labels go from 0")
    if y.size and y.max() > np.iinfo(np.int32).max:
        raise InvalidArgumentError(
            f"{name} has the label {y.max()}; labels go from 0 to ways - 1: "
            "np.unique(labels, return_inverse=True)[1] numbers them so"
        )
    return y.astype(np.int32), None


def ways_of(name: str, support: Array, query: Array, width: int | None) -> int:
    """How many classes a task has: each must be in its support, and no other in its
    query. `width` is what one-hot rows say."""
    if not support.size:
        raise InvalidArgumentError(f"{name} has no support examples")
    ways = int(support.max()) + 1 if width is None else width
    missing = np.setdiff1d(np.arange(ways), support)
    if missing.size:
        raise InvalidArgumentError(
            f"{name} has no support example of class {missing[0]}; its labels must be "
            f"0 to {ways - 1}, each of them there"
        )
    if query.size and query.max() >= ways:
        raise InvalidArgumentError(
            f"{name} has the query label {query.max()}, outside its {ways} ways "
            f"(0 to {ways - 1})"
        )
    return ways
