"""Drawings of Omniglot as strokes: bitmaps are thinned to lines, and these followed.

The release has the drawers' own strokes in files apart; what lies in its images is
enough to draw with.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

Bitmap = NDArray[np.bool_]
Pixel = tuple[int, int]

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
_TOLERANCE = 0.7  # pixels that a point may lie off the line of its neighbours
_SHORTEST = 3  # pixels: shorter spurs of thinning are no strokes


def thinned(ink: Bitmap) -> Bitmap:
    """Lines of one pixel (Zhang & Suen 1984, "A fast parallel algorithm for thinning
    digital patterns")."""
    image = np.pad(ink, 1)
    while True:
        before = int(image.sum())
        for step in (0, 1):
            near = [np.roll(image, (-dy, -dx), (0, 1)) for dy, dx in _AROUND]
            count = sum(n.astype(int) for n in near)
            turns = sum(
                (~a & b).astype(int) for a, b in zip(near, [*near[1:], near[0]])
            )
            north, _, east, _, south, _, west, _ = near
            one, two = (
                (north & east & south, east & south & west)
                if step == 0
                else (north & east & west, north & south & west)
            )
            goes = image & (count >= 2) & (count <= 6) & (turns == 1) & ~one & ~two
            image = image & ~goes
        if int(image.sum()) == before:
            return image[1:-1, 1:-1]


def strokes_of(ink: Bitmap) -> list[list[list[float]]]:
    """Strokes as lists of [x, y] on a canvas from 0 to 1, rounded to a thousandth."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(thinned(ink)))}
    if not left:
        return []
    size = max(ink.shape)
    paths = []
    while left:
        # from an end of a line, if there is one: the uppermost
        start = min(left, key=lambda p: (len(_near(p, left)) != 1, p))
        path = _followed(start, left)
        left -= set(path)
        if len(path) >= _SHORTEST or not paths:
            paths.append(_simplified(path))
    return [
        [[round((x + 0.5) / size, 3), round((y + 0.5) / size, 3)] for y, x in p]
        for p in paths
    ]


def _near(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    y, x = pixel
    return [(y + a, x + b) for a, b in _AROUND if (y + a, x + b) in pixels]


def _followed(start: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """A line from a pixel on, as straight as it goes where it branches."""
    path, rest = [start], pixels - {start}
    while near := _near(path[-1], rest):
        path.append(min(near, key=partial(_turn, path)))
        rest.discard(path[-1])
    return path


def _turn(path: list[Pixel], pixel: Pixel) -> tuple[float, bool]:
    """How far a line would turn, going on to a pixel; and whether it lies across."""
    (y, x), back = path[-1], path[-min(len(path), 5)]
    down, right = pixel[0] - y, pixel[1] - x
    along = down * (y - back[0]) + right * (x - back[1])
    return -along / float(np.hypot(down, right)), down != 0 and right != 0


def _simplified(path: list[Pixel]) -> list[Pixel]:
    """Without the points that lie near the line of others (Douglas & Peucker 1973)."""
    if len(path) < 3:
        return path
    points = np.array(path, float)
    first, last = points[0], points[-1]
    line = last - first
    length = float(np.hypot(*line))
    away = points - first
    if length > 0:
        off = np.abs(line[0] * away[:, 1] - line[1] * away[:, 0]) / length
    else:
        off = np.hypot(away[:, 0], away[:, 1])
    worst = int(off.argmax())
    if off[worst] <= _TOLERANCE:
        return [path[0], path[-1]]
    return [*_simplified(path[: worst + 1])[:-1], *_simplified(path[worst:])]
