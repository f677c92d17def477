"""Shapes: the same elements, arranged otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..arguments import number, several, whole
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..tensor import Tensor
from .axes import all_axes, axis_or_dim, check_shape, one_axis
from .operands import as_tensor, operands


def reshape(x: Any, *shape: Any) -> Tensor:
    """Another shape of as many elements; one axis may be -1.

    >>> import neurenix as nx
    >>> nx.reshape(nx.arange(6), (2, -1)).shape
    (2, 3)
    """
    x = as_tensor(x)
    wanted = (
        list(shape[0])
        if len(shape) == 1 and isinstance(shape[0], (tuple, list))
        else list(shape)
    )
    if wanted.count(-1) > 1:
        raise ShapeError(f"reshape: more than one -1 in {tuple(wanted)}")
    if -1 in wanted:
        rest = math.prod(n for n in wanted if n != -1)
        if rest == 0 or x.size % rest:
            raise ShapeError(
                f"reshape: {x.shape} has {x.size} elements, "
                f"which {tuple(wanted)} does not divide"
            )
        wanted[wanted.index(-1)] = x.size // rest
    target = check_shape("reshape", wanted)
    return x if target == x.shape else ops.reshape(x, shape=target)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from start_dim to end_dim as one."""
    x = as_tensor(x)
    if not x.shape:
        return reshape(x, 1)
    start, end = (
        one_axis("flatten", start_dim, x.ndim),
        one_axis("flatten", end_dim, x.ndim),
    )
    if end < start:
        raise InvalidArgumentError(
            f"flatten: start_dim={start_dim} comes after end_dim={end_dim}"
        )
    merged = math.prod(x.shape[start : end + 1])
    return reshape(x, (*x.shape[:start], merged, *x.shape[end + 1 :]))


def unflatten(x: Any, axis: int, shape: Any) -> Tensor:
    """One axis as several, of which one may be -1: the reverse of `flatten`.

    >>> import neurenix as nx
    >>> nx.unflatten(nx.ones(2, 12), 1, (3, -1)).shape
    (2, 3, 4)
    """
    x = as_tensor(x)
    at = one_axis("unflatten", axis, x.ndim)
    sizes = several("unflatten", "shape", shape)
    return reshape(x, (*x.shape[:at], *sizes, *x.shape[at + 1 :]))


def transpose(x: Any, *axes: Any) -> Tensor:
    """All axes reversed, two axes swapped (PyTorch), or a whole permutation (NumPy)."""
    x = as_tensor(x)
    given = (
        list(axes[0])
        if len(axes) == 1 and isinstance(axes[0], (tuple, list))
        else list(axes)
    )
    if not given:
        given = list(range(x.ndim))[::-1]
    given = [one_axis("transpose", a, x.ndim) for a in given]
    if len(given) == 2 and x.ndim != 2:
        order = list(range(x.ndim))
        order[given[0]], order[given[1]] = given[1], given[0]
        given = order
    elif len(given) == 2 and len(axes) == 2:  # of a matrix: two axes to swap
        given = [0, 1] if given[0] == given[1] else [1, 0]
    return ops.transpose(x, permutation=tuple(given))


def permute(x: Any, *axes: Any) -> Tensor:
    """The axes in another order, all named."""
    x = as_tensor(x)
    given = (
        list(axes[0])
        if len(axes) == 1 and isinstance(axes[0], (tuple, list))
        else list(axes)
    )
    return ops.transpose(
        x, permutation=tuple(one_axis("permute", a, x.ndim) for a in given)
    )


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """The axes `source` at the places `destination`, the others in their order.

    >>> import neurenix as nx
    >>> nx.moveaxis(nx.zeros((2, 3, 4)), (0, 1), (-1, 0)).shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    moved, places = (
        [one_axis("moveaxis", a, x.ndim) for a in _several(axes)]
        for axes in (source, destination)
    )
    if not len({*moved}) == len(moved) == len(places) == len({*places}):
        raise InvalidArgumentError(
            f"moveaxis: source={source!r}, destination={destination!r}; expected as "
            "many axes in each, none of them twice"
        )
    order = [a for a in range(x.ndim) if a not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return ops.transpose(x, permutation=tuple(order))


def _several(axes: Any) -> Sequence[Any]:
    return axes if isinstance(axes, (tuple, list)) else [axes]


def expand_dims(x: Any, axis: int = 0) -> Tensor:
    """A new axis of size 1 at that position."""
    x = as_tensor(x)
    at = one_axis("expand_dims", axis, x.ndim + 1)
    return ops.reshape(x, shape=(*x.shape[:at], 1, *x.shape[at:]))


def squeeze(x: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """Without the axes of size 1, or without those named."""
    x = as_tensor(x)
    given = axis_or_dim("squeeze", axis, dim)
    if given is None:
        return reshape(x, tuple(n for n in x.shape if n != 1))
    axes = [
        one_axis("squeeze", a, x.ndim)
        for a in (given if isinstance(given, (tuple, list)) else [given])
    ]
    if any(x.shape[a] != 1 for a in axes):
        raise ShapeError(f"squeeze: axis {given} of shape {x.shape} is not of size 1")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def broadcast_to(x: Any, *shape: Any) -> Tensor:
    x = as_tensor(x)
    target = check_shape("broadcast_to", shape)
    return x if target == x.shape else ops.broadcast(x, shape=target)


def concat(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """Joined along an axis that they have."""
    axis = axis if dim is None else dim
    if isinstance(tensors, (list, tuple)) and not tensors:
        raise InvalidArgumentError("concat: no tensors")
    parts = operands("concat", *several("concat", "tensors", tensors))
    at = one_axis("concat", axis, parts[0].ndim)
    return parts[0] if len(parts) == 1 else ops.concat(*parts, axis=at)


def stack(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """Joined along a new axis."""
    axis = axis if dim is None else dim
    if isinstance(tensors, (list, tuple)) and not tensors:
        raise InvalidArgumentError("stack: no tensors")
    parts = operands("stack", *several("stack", "tensors", tensors))
    if any(t.shape != parts[0].shape for t in parts):
        listed = ", ".join(str(t.shape) for t in parts)
        raise ShapeError(f"stack: the shapes {listed} differ")
    return concat([expand_dims(t, axis) for t in parts], axis)


def split(x: Any, size: int, axis: int = 0, *, dim: int | None = None) -> list[Tensor]:
    """Pieces of `size` along an axis; the last may be smaller."""
    x = as_tensor(x)
    at = one_axis("split", axis if dim is None else dim, x.ndim)
    size = whole("split", "size", size, 1)
    return [
        cut(x, at, i, min(i + size, x.shape[at])) for i in range(0, x.shape[at], size)
    ]


def cut(x: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
    """start:stop:step along one axis, in range."""
    begin, end, by = [0] * x.ndim, list(x.shape), [1] * x.ndim
    begin[axis], end[axis], by[axis] = start, stop, step
    return ops.slice(x, start=tuple(begin), stop=tuple(end), step=tuple(by))


def flip(x: Any, axis: Any = None) -> Tensor:
    x = as_tensor(x)
    return ops.flip(x, axes=all_axes("flip", axis, x.ndim))


def pad(x: Any, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """`value` around each axis: widths [(before, after), ...]."""
    x = as_tensor(x)
    pairs = several("pad", "widths", widths)
    if len(pairs) != x.ndim:
        raise ShapeError(
            f"pad: {len(pairs)} pairs of widths for a tensor of rank {x.ndim}"
        )
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InvalidArgumentError(
                f"pad: {pair!r} in widths; expected pairs (before, after)"
            )
    low = tuple(whole("pad", f"{widths!r} has a width", a, 0) for a, _ in pairs)
    high = tuple(whole("pad", f"{widths!r} has a width", b, 0) for _, b in pairs)
    filler = float(number("pad", "value", value))
    sizes = {"low": low, "high": high, "interior": (0,) * x.ndim}
    if x.dtype.is_floating and filler == 0.0 and math.copysign(1.0, filler) < 0.0:
        # -0.0 and 0.0 are one parameter to caches of programs.
        return ops.neg(ops.pad(ops.neg(x), **sizes, value=0.0))
    return ops.pad(x, **sizes, value=filler)
