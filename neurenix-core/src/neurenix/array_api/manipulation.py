"""Functions of the standard that arrange the same elements otherwise."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import IndexOutOfRangeError
from ..functions.arrangement import repeat as _repeat
from ..functions.arrangement import roll as _roll
from ..functions.arrangement import tile as _tile
from ..functions.arrangement import unstack as _unstack
from ..functions.shape import broadcast_to as _broadcast_to
from ..functions.shape import concat as _concat
from ..functions.shape import expand_dims as _expand_dims
from ..functions.shape import flip as _flip
from ..functions.shape import moveaxis, permute, stack
from ..functions.shape import reshape as _reshape
from ..functions.shape import squeeze as _squeeze
from ..tensor import Tensor


def broadcast_to(x: Tensor, /, shape: Any) -> Tensor:
    return _broadcast_to(x, tuple(shape))


def concat(arrays: Any, /, *, axis: int | None = 0) -> Tensor:
    """Joined along an axis; flattened first where it is None."""
    if axis is None:
        return _concat([_reshape(x, (x.size,)) for x in arrays], 0)
    return _concat(list(arrays), axis)


def expand_dims(x: Tensor, /, axis: int) -> Tensor:
    """With an axis of size 1; IndexOutOfRangeError where there is no such place."""
    place = operator.index(axis)
    if not -x.ndim - 1 <= place <= x.ndim:
        raise IndexOutOfRangeError(
            f"expand_dims: axis {axis} of a tensor of rank {x.ndim}; expected "
            f"{-x.ndim - 1} to {x.ndim}"
        )
    return _expand_dims(x, place)


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    return _flip(x, tuple(range(x.ndim)) if axis is None else axis)


def permute_dims(x: Tensor, /, axes: Any) -> Tensor:
    return permute(x, tuple(axes))


def reshape(x: Tensor, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    return _reshape(x, tuple(shape))


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    counts = repeats.numpy() if isinstance(repeats, Tensor) else repeats
    return _repeat(x, counts, axis)


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    return _roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: Any) -> Tensor:
    return _squeeze(x, axis)


def tile(x: Tensor, repetitions: Any, /) -> Tensor:
    return _tile(x, tuple(repetitions))


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    return tuple(_unstack(x, axis))


__all__ = [
    "broadcast_to",
    "concat",
    "expand_dims",
    "flip",
    "moveaxis",
    "permute_dims",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "tile",
    "unstack",
]
