"""Turns the labels that people have into an array that can be sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurenix.errors import InvalidArgumentError


def plain_labels(name: str, y: ArrayLike) -> NDArray[Any]:
    """y as an array of integers, bools or strings, of the shape that it has; `name` is
    what messages call it.

    Raises InvalidArgumentError, with the first that is wrong, for labels of other
    kinds, of several kinds, missing ones (None, NaN), and bytes that are not UTF-8.

    >>> plain_labels("pets", np.array([b"cat", b"dog"])).tolist()
    ['cat', 'dog']
    """
    try:
        labels = np.asarray(y)
        if isinstance(y, (list, tuple)) and labels.dtype.kind in "USib":
            labels = np.asarray(y, object)  # what NumPy has made of one kind
    except ValueError:
        raise InvalidArgumentError(
            f"{name}: y is ragged; expected one label an example"
        ) from None
    if labels.dtype.kind in "iubU":
        return labels
    if labels.dtype.kind not in "OST":
        raise InvalidArgumentError(
            f"{name}: labels of {labels.dtype}; expected integers or strings"
            + (" (y.astype(int))" if labels.dtype.kind == "f" else "")
        )
    plain = [_plain(name, i, label) for i, label in enumerate(labels.ravel().tolist())]
    kinds = {type(label) for label in plain}
    if len(kinds) > 1:
        first, other = plain[0], next(x for x in plain if type(x) is not type(plain[0]))
        raise InvalidArgumentError(
            f"{name}: labels of several kinds, {first!r} and {other!r}; "
            "expected integers alone, or strings alone"
        )
    return np.array(plain, dtype=None if plain else np.str_).reshape(labels.shape)


def _plain(name: str, number: int, label: Any) -> int | bool | str:
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, bytes):
        try:
            return label.decode()
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(
                f"{name}: label {number} is {label!r}, which is not UTF-8: {error}"
            ) from None
    # Not its subclasses: an enumeration's members have names that would be lost.
    if type(label) in (str, bool, int):
        return label
    raise InvalidArgumentError(
        f"{name}: label {number} is {label!r}; expected integers or strings"
    )
