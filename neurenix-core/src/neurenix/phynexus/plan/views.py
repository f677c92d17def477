"""Views: where an element of a value lies in memory. Movement costs nothing here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...dtypes import Dtype

Shape = tuple[int, ...]


class Block:
    """A piece of a frame's scratch. `offset` is found when the region is complete."""

    __slots__ = ("first", "home", "last", "nbytes", "offset")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.first = -1  # the first instruction that touches it, and the last
        self.last = -1
        self.offset = -1
        self.home: Any = None  # an output that it became, if any

    def __int__(self) -> int:
        """The offset, as a parameter; 0 for a block that no instruction touches."""
        return max(self.offset, 0)


@dataclass(frozen=True)
class View:
    """A strided window.

    root     a Block, ("input", i), ("output", i) or ("constant", value)
    offset   in elements
    """

    root: Any
    dtype: Dtype
    shape: Shape
    strides: Shape
    offset: int = 0

    def transposed(self, permutation: Shape) -> View:
        return replace(
            self,
            shape=tuple(self.shape[p] for p in permutation),
            strides=tuple(self.strides[p] for p in permutation),
        )

    def broadcast(self, shape: Shape) -> View:
        lead = len(shape) - len(self.shape)
        strides = (0,) * lead + tuple(
            0 if n == 1 and m != 1 else s
            for n, s, m in zip(self.shape, self.strides, shape[lead:], strict=True)
        )
        return replace(self, shape=shape, strides=strides)

    def sliced(self, start: Shape, stop: Shape, step: Shape) -> View:
        shape = tuple(
            -(-(b - a) // s) for a, b, s in zip(start, stop, step, strict=True)
        )
        offset = self.offset + sum(
            a * s for a, s in zip(start, self.strides, strict=True)
        )
        strides = tuple(s * by for s, by in zip(self.strides, step, strict=True))
        return replace(self, shape=shape, strides=strides, offset=offset)

    def flipped(self, axes: Shape) -> View:
        offset = self.offset + sum(
            (self.shape[a] - 1) * self.strides[a] for a in axes if self.shape[a]
        )
        strides = tuple(-s if i in axes else s for i, s in enumerate(self.strides))
        return replace(self, strides=strides, offset=offset)

    def reshaped(self, shape: Shape) -> View | None:
        """The same memory under another shape; None where that takes a copy."""
        strides = reshape_strides(self.shape, self.strides, shape)
        return None if strides is None else replace(self, shape=shape, strides=strides)

    @property
    def is_contiguous(self) -> bool:
        return same_strides(self.shape, self.strides, contiguous(self.shape))

    @property
    def order(self) -> Shape:
        """The axes from the slowest to the fastest in memory."""
        return memory_order(self.shape, self.strides)

    @property
    def is_dense(self) -> bool:
        """Whether the view fills its memory without overlap, in some order of the
        axes."""
        return same_strides(self.shape, self.strides, dense(self.shape, self.order))


def contiguous(shape: Shape) -> Shape:
    return dense(shape, tuple(range(len(shape))))


def dense(shape: Shape, order: Sequence[int]) -> Shape:
    strides, step = [0] * len(shape), 1
    for axis in reversed(order):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return tuple(strides)


def memory_order(shape: Shape, strides: Shape) -> Shape:
    """The axes from the slowest to the fastest. Axes of size 1 and broadcast ones say
    nothing: each stands behind its left neighbour, so that axes which were one before a
    reshape can be one again after it."""
    speaking = [
        i for i, (n, s) in enumerate(zip(shape, strides, strict=True)) if n != 1 and s
    ]
    order = sorted(speaking, key=lambda i: (-abs(strides[i]), i))
    for i in range(len(shape)):
        if i not in speaking:
            order.insert(order.index(i - 1) + 1 if i else 0, i)
    return tuple(order)


def same_strides(shape: Shape, a: Shape, b: Shape) -> bool:
    return math.prod(shape) == 0 or all(
        n == 1 or s == t for n, s, t in zip(shape, a, b, strict=True)
    )


def reshape_strides(old: Shape, strides: Shape, new: Shape) -> Shape | None:
    """Strides of the new shape over the same memory, or None."""
    if math.prod(old) == 0:
        return contiguous(new)
    axes = [(n, s) for n, s in zip(old, strides, strict=True) if n != 1]
    result: list[int] = []
    i, j = 0, 0
    wanted = [n for n in new if n != 1]
    while i < len(axes) or j < len(wanted):
        # take as many axes on either side as have the same number of elements
        a, b = axes[i][0], wanted[j]
        i2, j2 = i + 1, j + 1
        while a != b:
            if a < b:
                a *= axes[i2][0]
                i2 += 1
            else:
                b *= wanted[j2]
                j2 += 1
        for k in range(i, i2 - 1):
            if axes[k][1] != axes[k + 1][1] * axes[k + 1][0]:
                return None
        step = axes[i2 - 1][1]
        block = []
        for n in reversed(wanted[j:j2]):
            block.append(step)
            step *= n
        result += block[::-1]
        i, j = i2, j2
    rest = iter(result)
    return tuple(next(rest) if n != 1 else 0 for n in new)
