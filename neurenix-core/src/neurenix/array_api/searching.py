"""Functions of the standard that search, sort and take elements."""

from __future__ import annotations

from ..errors import InvalidArgumentError
from ..functions.arithmetic import where
from ..functions.indexing import take as _take
from ..functions.indexing import take_along_axis
from ..functions.reduction import argmax, argmin, count_nonzero
from ..functions.sorting import argsort as _argsort
from ..functions.sorting import sort as _sort
from ..functions.statistics import searchsorted as _searchsorted
from ..tensor import Tensor


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    if axis is None and x.ndim != 1:
        raise InvalidArgumentError(
            f"take: axis is needed for a tensor of rank {x.ndim}"
        )
    return _take(x, indices, 0 if axis is None else axis)


def sort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """In order along an axis; always stable."""
    return _sort(x, axis, descending)


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The positions from which `sort` takes the elements; always stable."""
    return _argsort(x, axis, descending)


def searchsorted(
    x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the elements of x2 belong in the sorted vector x1: how many of its elements
    lie before (with side="right": or are equal)."""
    row = x1 if sorter is None else _take(x1, sorter)
    return _searchsorted(row, x2, side)


__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "count_nonzero",
    "searchsorted",
    "sort",
    "take",
    "take_along_axis",
    "where",
]
