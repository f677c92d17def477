"""The same elements rolled, repeated, spread over a grid or taken apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import whole
from ..errors import InvalidArgumentError, ShapeError
from ..primitives import ops
from ..sizes import check_size
from ..tensor import Tensor
from .axes import axis_or_dim, one_axis
from .indexing import take
from .operands import as_tensor, operands
from .shape import broadcast_to, concat, cut, reshape, split


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    >>> import neurenix as nx
    >>> nx.swapaxes(nx.zeros(2, 3, 4), 0, -1).shape
    (4, 3, 2)
    """
    x = as_tensor(x)
    a, b = one_axis("swapaxes", axis1, x.ndim), one_axis("swapaxes", axis2, x.ndim)
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return ops.transpose(x, permutation=tuple(order))


def unstack(x: Any, axis: int = 0, *, dim: int | None = None) -> list[Tensor]:
    """The slices along an axis, which goes: what `stack` would join again.

    >>> import neurenix as nx
    >>> [row.tolist() for row in nx.unstack(nx.tensor([[1, 2], [3, 4]]))]
    [[1, 2], [3, 4]]
    """
    x = as_tensor(x)
    at = one_axis("unstack", axis if dim is None else dim, x.ndim)
    rest = (*x.shape[:at], *x.shape[at + 1 :])
    return [reshape(cut(x, at, i, i + 1), rest) for i in range(x.shape[at])]


def chunk(
    x: Any, chunks: int, axis: int = 0, *, dim: int | None = None
) -> list[Tensor]:
    """At most `chunks` pieces along an axis, of one size but the last: ⌈n / chunks⌉.

    >>> import neurenix as nx
    >>> [piece.tolist() for piece in nx.chunk(nx.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    x = as_tensor(x)
    at = one_axis("chunk", axis if dim is None else dim, x.ndim)
    count = whole("chunk", "chunks", chunks, 1)
    return split(x, max(1, -(-x.shape[at] // count)), at)


def roll(x: Any, shift: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """Shifted along an axis (or several), what leaves at one end entering at the other.
    Without an axis the elements roll in row-major order.

    >>> import neurenix as nx
    >>> nx.roll(nx.arange(4), 1).tolist()
    [3, 0, 1, 2]
    """
    x = as_tensor(x)
    axis = axis_or_dim("roll", axis, dim)
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), x.shape) if x.size else x
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    shifts = list(shift) if isinstance(shift, (tuple, list)) else [shift] * len(axes)
    if len(shifts) != len(axes):
        raise InvalidArgumentError(
            f"roll: {len(shifts)} shifts for {len(axes)} axes; expected as many"
        )
    shifts = [whole("roll", "shift", s) for s in shifts]
    for s, a in zip(shifts, axes, strict=True):
        at = one_axis("roll", a, x.ndim)
        n = x.shape[at]
        begin = -s % n if n else 0
        if begin:
            x = concat([cut(x, at, begin, n), cut(x, at, 0, begin)], at)
    return x


def repeat(x: Any, repeats: Any, axis: Any = None, *, dim: Any = None) -> Tensor:
    """Each element (or slice along an axis) `repeats` times in a row, as NumPy does.
    `repeats` is one int, or one for each slice. Without an axis x is flattened.

    >>> import neurenix as nx
    >>> nx.repeat(nx.tensor([1, 2]), 2).tolist()
    [1, 1, 2, 2]
    """
    x = as_tensor(x)
    axis = axis_or_dim("repeat", axis, dim)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    at = one_axis("repeat", axis, x.ndim)
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu" or counts.ndim > 1 or (counts < 0).any():
        raise InvalidArgumentError(
            f"repeat: repeats={repeats!r}; expected an int of 0 or more, or a list"
        )
    n = x.shape[at]
    if counts.ndim:
        if counts.size not in (1, n):
            raise ShapeError(
                f"repeat: {counts.size} repeats for axis {at} of shape {x.shape}"
            )
        index = np.repeat(np.arange(n, dtype=np.int32), counts)
        return take(x, index, at)
    lead, rest = math.prod(x.shape[:at]), math.prod(x.shape[at + 1 :])
    spread = broadcast_to(reshape(x, (lead, n, 1, rest)), (lead, n, int(counts), rest))
    return reshape(spread, (*x.shape[:at], n * int(counts), *x.shape[at + 1 :]))


def tile(x: Any, *repetitions: Any) -> Tensor:
    """The whole of x laid side by side, so many times along each axis, the last ones
    first named; ints or one tuple.

    >>> import neurenix as nx
    >>> nx.tile(nx.tensor([1, 2]), 2).tolist()
    [1, 2, 1, 2]
    """
    x = as_tensor(x)
    times = repetitions
    if len(times) == 1 and isinstance(times[0], (tuple, list)):
        times = tuple(times[0])
    if any(not isinstance(t, (int, np.integer)) or t < 0 for t in times):
        raise InvalidArgumentError(f"tile: {times}; expected ints of 0 or more")
    times = (1,) * (x.ndim - len(times)) + tuple(int(t) for t in times)
    x = reshape(x, (1,) * (len(times) - x.ndim) + x.shape)
    size = tuple(n * t for n, t in zip(x.shape, times, strict=True))
    check_size("tile", size, x.dtype)
    for at, count in enumerate(times):
        if count == 1:
            continue
        n, shape = x.shape[at], x.shape
        lead, rest = math.prod(shape[:at]), math.prod(shape[at + 1 :])
        spread = broadcast_to(reshape(x, (lead, 1, n, rest)), (lead, count, n, rest))
        x = reshape(spread, (*shape[:at], count * n, *shape[at + 1 :]))
    return x


def meshgrid(*tensors: Any, indexing: str = "xy") -> list[Tensor]:
    """The coordinates of a grid, a tensor for each of the vectors. With "xy" (NumPy's
    habit) the first vector runs along the columns, with "ij" along the rows.

    >>> import neurenix as nx
    >>> a, b = nx.meshgrid(nx.arange(3), nx.arange(2), indexing="ij")
    >>> a.tolist()
    [[0, 0], [1, 1], [2, 2]]
    """
    if indexing not in ("xy", "ij"):
        raise InvalidArgumentError(
            f"meshgrid: indexing={indexing!r}; expected 'xy' or 'ij'"
        )
    vectors: Sequence[Tensor] = operands("meshgrid", *tensors) if tensors else []
    for v in vectors:
        if v.ndim > 1:
            raise ShapeError(f"meshgrid: a shape of {v.shape}; expected vectors")
    axes = list(range(len(vectors)))
    if indexing == "xy" and len(axes) > 1:
        axes[:2] = [1, 0]
    shape = [0] * len(vectors)
    for v, a in zip(vectors, axes, strict=True):
        shape[a] = v.size
    columns = []
    for v, a in zip(vectors, axes, strict=True):
        ones = [1] * len(shape)
        ones[a] = v.size
        columns.append(broadcast_to(reshape(v, ones), shape))
    return columns
