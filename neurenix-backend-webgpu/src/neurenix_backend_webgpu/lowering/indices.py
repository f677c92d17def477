"""The axes over which a kernel counts: neighbours that lie in memory like one axis are
one, so that most kernels count over one or two, whatever the shape was."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .kernel import Row

Strides = tuple[int, ...]


@dataclass(frozen=True)
class Axes:
    """Axes, the slowest first, and the strides of several operands along them."""

    sizes: tuple[int, ...]
    strides: tuple[Strides, ...]

    @property
    def count(self) -> int:
        return math.prod(self.sizes)


def joined(
    shape: Sequence[int], order: Iterable[int], operands: Sequence[Sequence[int]]
) -> Axes:
    """These axes of a shape, in this order; those of size 1 left out, and neighbours
    made one where every operand's strides allow it.

    >>> joined((2, 3, 4), (0, 1, 2), [(12, 4, 1), (0, 0, 1)])
    Axes(sizes=(6, 4), strides=((4, 1), (0, 1)))
    """
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in operands]
    for axis in order:
        n, here = shape[axis], [s[axis] for s in operands]
        if n == 1:
            continue
        if sizes and all(s[-1] == h * n for s, h in zip(strides, here, strict=True)):
            sizes[-1] *= n
            for s, h in zip(strides, here, strict=True):
                s[-1] = h
            continue
        sizes.append(n)
        for s, h in zip(strides, here, strict=True):
            s.append(h)
    return Axes(tuple(sizes), tuple(tuple(s) for s in strides))


def unravel(
    row: Row, sizes: Sequence[int], element: str, prefix: str, label: str = ""
) -> list[str]:
    """Lines that name the index on each axis (prefix0, prefix1, ...) of an element that
    is counted with the last axis fastest. `label`: that of the sizes in the row."""
    lines: list[str] = []
    rest = element
    for axis in range(len(sizes) - 1, 0, -1):
        size = row.number(sizes[axis], label and f"{label} {axis}")
        quotient = f"{prefix}{axis}_up"
        lines.append(f"let {quotient} = {rest} / {size};")
        lines.append(f"let {prefix}{axis} = {rest} - {quotient} * {size};")
        rest = quotient
    if sizes:
        lines.append(f"let {prefix}0 = {rest};")
    return lines


class Offsets:
    """Offsets into operands at the indices of a kernel; operands that lie alike share
    the words of their strides, and the text."""

    def __init__(self, row: Row, names: Sequence[str]) -> None:
        self.row = row
        self.names = list(names)
        self.known: dict[Strides, str] = {}

    def at(self, strides: Strides) -> str:
        """The offset as an expression, "0u" for one that does not move."""
        if strides not in self.known:
            terms = [
                f"{name} * {self.row.number(s)}"
                for name, s in zip(self.names, strides, strict=True)
                if s
            ]
            self.known[strides] = " + ".join(terms) or "0u"
        return self.known[strides]


def names(prefix: str, axes: Sequence[int]) -> list[str]:
    return [f"{prefix}{k}" for k in range(len(axes))]
