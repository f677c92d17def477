"""Strokes as pixels, in the look of Omniglot: the twin of page/raster.js.

Both do the same arithmetic in the same order in double precision, with nothing but +,
−, ×, ÷ and square roots, which are rounded alike everywhere: every browser, Node and
Python give the same bits.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIZE = 28
# The longest side of a drawing's box, in pixels, is the mean of Omniglot's; a dot is
# not blown up, nor a short line.
BOX = 18.0
LEAST = 0.2  # of the canvas: what is smaller keeps its proportion to it
# Ink is full up to this distance from the pen's path, and none from the other on.
FULL, NONE = 0.2, 1.2

Point = Sequence[float]
Stroke = Sequence[Point]


def normalised(strokes: Sequence[Stroke]) -> list[list[tuple[float, float]]]:
    """Strokes on a canvas from 0 to 1 as pixels: centred, and scaled to the box."""
    xs = [x for stroke in strokes for x, _ in stroke]
    ys = [y for stroke in strokes for _, y in stroke]
    if not xs:
        return []
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    scale = BOX / max(right - left, bottom - top, LEAST)
    x0, y0 = (left + right) / 2, (top + bottom) / 2
    half = SIZE / 2
    return [
        [((x - x0) * scale + half, (y - y0) * scale + half) for x, y in s]
        for s in strokes
    ]


def ink(strokes: Sequence[Stroke]) -> NDArray[np.float32]:
    """A drawing as an image [28, 28], ink 1, paper 0."""
    pixels = np.zeros((SIZE, SIZE))
    centres = np.arange(SIZE) + 0.5
    x, y = centres[None, :], centres[:, None]
    for stroke in normalised(strokes):
        ends = stroke[1:] or stroke  # a dot is a line from itself to itself
        for (ax, ay), (bx, by) in zip(stroke, ends):
            dx, dy = bx - ax, by - ay
            length = dx * dx + dy * dy
            along = (x - ax) * dx + (y - ay) * dy
            t = along / length if length > 0 else np.zeros_like(along)
            t = np.minimum(np.maximum(t, 0.0), 1.0)
            ex, ey = x - (ax + t * dx), y - (ay + t * dy)
            distance = np.sqrt(ex * ex + ey * ey)
            value = (NONE - distance) / (NONE - FULL)
            pixels = np.maximum(pixels, np.minimum(value, 1.0))
    return pixels.astype(np.float32)
