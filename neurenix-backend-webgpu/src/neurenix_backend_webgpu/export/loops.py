"""Loops over views with as few axes as they can have."""

from __future__ import annotations

from collections.abc import Sequence

from neurenix.phynexus.plan.views import Shape, memory_order


def collapsed(
    shape: Shape, strides: Sequence[Shape], order: Shape
) -> tuple[list[int], list[list[int]]]:
    """The loop over `shape` with the axes in `order` (the slowest first), without axes
    of size 1, and those as one that are one in all the views: its shape, and each
    view's strides.

    >>> collapsed((2, 3, 1), [(3, 1, 1), (0, 0, 0)], (0, 1, 2))
    ([6], [[1], [0]])
    """
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis in order:
        n = shape[axis]
        if n == 1:
            continue
        here = [s[axis] for s in strides]
        if sizes and all(a[-1] == b * n for a, b in zip(steps, here, strict=True)):
            sizes[-1] *= n
            for a, b in zip(steps, here, strict=True):
                a[-1] = b
            continue
        sizes.append(n)
        for a, b in zip(steps, here, strict=True):
            a.append(b)
    return sizes, steps


def best_order(shape: Shape, strides: Sequence[Shape]) -> Shape:
    """The order of the axes in the memory of the view with most elements."""

    def elements(view: Shape) -> int:
        count = 1
        for n, s in zip(shape, view, strict=True):
            count *= n if s else 1
        return count

    best = max(strides, key=elements, default=tuple(range(len(shape))))
    return memory_order(shape, best)
