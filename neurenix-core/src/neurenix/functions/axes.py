"""The axes and shapes that callers of functions name, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import plain_whole
from ..errors import InvalidArgumentError


def one_axis(name: str, axis: Any, rank: int) -> int:
    """One axis, counted from the end where it is negative; the result is not."""
    if not isinstance(axis, (int, np.integer)) or not -rank <= axis < rank:
        raise InvalidArgumentError(
            f"{name}: axis {axis!r} of a tensor of rank {rank}; "
            f"expected {-rank} to {rank - 1}"
        )
    return int(axis) % rank


def all_axes(name: str, axis: Any, rank: int) -> tuple[int, ...]:
    """None means every axis; the result is sorted and not negative."""
    if axis is None:
        return tuple(range(rank))
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(sorted(one_axis(name, a, rank) for a in given))
    if len(set(axes)) != len(axes):
        raise InvalidArgumentError(f"{name}: axis {axis} names one axis twice")
    return axes


def axis_or_dim(name: str, axis: Any, dim: Any) -> Any:
    """The value of `axis` or of `dim`, its other name; both together are refused."""
    if axis is not None and dim is not None:
        raise InvalidArgumentError(f"{name}: dim and axis mean the same; give one")
    return dim if axis is None else axis


def axes_or_dims(name: str, axis: Any, dim: Any, rank: int) -> tuple[int, ...]:
    """The axes that `axis` or `dim` names, as `all_axes` gives them."""
    return all_axes(name, axis_or_dim(name, axis, dim), rank)


def check_shape(name: str, shape: Any) -> tuple[int, ...]:
    """A shape from ints (tensors of rank 0 too) or one tuple of them."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    sizes = []
    for n in shape:
        size = n if type(n) is int else plain_whole(n)
        if size is None or size < 0:
            raise InvalidArgumentError(
                f"{name}: {n!r} in shape {tuple(shape)}; expected ints of 0 or more"
            )
        sizes.append(size)
    return tuple(sizes)
