"""WGSL text that turns an element's number into the indices of axes, and these into the
address of a word."""

from __future__ import annotations

from collections.abc import Sequence


def number(n: int) -> str:
    """A u32 literal; negative strides wrap."""
    return f"{n & 0xFFFFFFFF}u"


def names(prefix: str, axes: int) -> list[str]:
    return [f"{prefix}{axis}" for axis in range(axes)]


def address(base: str, indices: Sequence[str], strides: Sequence[int]) -> str:
    terms = [
        i if s == 1 else f"{i} * {number(s)}"
        for i, s in zip(indices, strides, strict=True)
        if s and i != "0u"
    ]
    return " + ".join([base, *terms])


def unravel(
    shape: Sequence[int], order: Sequence[int], element: str, prefix: str
) -> list[str]:
    """Lines that name the index on each axis (prefix0, prefix1, ...) of an element that
    is counted with the last axis of `order` fastest."""
    lines: list[str] = []
    rest = element
    for place, axis in enumerate(reversed(order)):
        size, last = shape[axis], place == len(order) - 1
        name = f"{prefix}{axis}"
        if size == 1:
            lines.append(f"let {name} = 0u;")
        elif last:
            lines.append(f"let {name} = {rest};")
        else:
            lines.append(f"let {name} = ({rest}) % {size}u;")
            lines.append(f"let q{name} = ({rest}) / {size}u;")
            rest = f"q{name}"
    return lines
