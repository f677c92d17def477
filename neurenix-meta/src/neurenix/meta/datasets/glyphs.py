"""Hand-drawn-like characters made from numbers: a data set that needs no files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

from ..counters import seed_of, uniform
from . import strokes
from .base import ClassDataset
from .cache import Arrays, cached
from .resample import resample

_CANVAS = 105  # the side of an Omniglot drawing, in pixels
_PEN = 2  # Omniglot's pen is a square of 2 · 2 + 1 pixels
_VERSION = 1  # of the drawings that the same numbers give
_CLASSES_AT_ONCE = 64
# Fewer drawings than these are made faster than a file is opened.
_WORTH_KEEPING = 2000


class Glyphs(ClassDataset):
    """Drawings of invented characters, in the look of Omniglot: uint8 [total, 1, s, s].

    A character is one to five strokes (lines, arcs, waves, corners, loops, dots), most
    of which begin or cross on an earlier one. Each drawing of it is by another drawer,
    with a slant, size, place and aspect of their own, who moves, turns and scales each
    stroke and misses every point by a little. The pen, the canvas (105 × 105) and the
    way to a small image (Lanczos) are Omniglot's.

    Prototypical Networks (Conv-4, statistics not transductive) meta-trained on 2,000 of
    them for 860 20-way episodes recognise Omniglot's 423 test characters 5-way 1-shot
    at 90.7 ± 0.5 %, 5-shot at 97.2 ± 0.2 %; the same network untrained, 1-shot, at
    55.6 ± 0.9 %.

    Drawing `e` of class `c` is the same for the same seed, however many are asked for:
    it is made from the numbers of Philox with the key (seed, c). So
    `Glyphs(classes=range(1000, 1200))` shares no character with `Glyphs(1000)`.

    Args:
        classes: how many characters, or a range of their numbers.
        examples_per_class: how many drawings of each.
        seed: of the whole collection, below 2**64.
        size: the side of a drawing.

    Raises InvalidArgumentError for sizes below 1, or an empty range.

    >>> glyphs = Glyphs(classes=3, examples_per_class=4)
    >>> glyphs
    Glyphs('Glyphs', 3 classes, 12 examples of uint8[1, 28, 28])
    >>> last = Glyphs(classes=range(2, 3), examples_per_class=2)
    >>> bool((last.examples == glyphs.class_examples("glyph-2")[:2]).all())
    True
    """

    def __init__(
        self,
        classes: int | range = 1000,
        examples_per_class: int = 20,
        *,
        seed: int = 0,
        size: int = 28,
    ) -> None:
        if not isinstance(classes, range):
            classes = range(whole("Glyphs", "classes", classes, 1))
        if not classes or min(classes) < 0:
            raise InvalidArgumentError(
                f"classes={classes}; expected a range of one number or more from 0 on"
            )
        count = whole("Glyphs", "examples_per_class", examples_per_class, 1)
        size = whole("Glyphs", "size", size, 1)
        seed = seed_of("Glyphs", seed)
        total = len(classes) * count
        if total < _WORTH_KEEPING:
            drawn = draw(classes, count, seed, size)
        else:

            def make() -> Arrays:
                return {"drawings": draw(classes, count, seed, size)}

            key = f"glyphs {_VERSION} {classes} {count} {seed} {size}"
            drawn = cached("glyphs", key, make)["drawings"]
        super().__init__(
            "Glyphs",
            [f"glyph-{c}" for c in classes],
            drawn.reshape(total, 1, size, size),
            np.full(len(classes), count),
        )


def draw(classes: range, count: int, seed: int, size: int) -> NDArray[np.uint8]:
    """uint8 [classes, count, size, size]: the first `count` drawings of each class."""
    made = np.empty((len(classes), count, size, size), np.uint8)
    total = strokes.CHARACTER_NUMBERS + count * strokes.DRAWING_NUMBERS
    for start in range(0, len(classes), _CLASSES_AT_ONCE):
        block = classes[start : start + _CLASSES_AT_ONCE]
        numbers = np.stack([uniform(seed, c, total) for c in block])
        own, jitter = np.split(numbers, [strokes.CHARACTER_NUMBERS], axis=1)
        characters = strokes.characters(own)
        jitter = jitter.reshape(len(block), count, strokes.DRAWING_NUMBERS)
        ink = _ink(strokes.drawings(characters, jitter), characters.present)
        small = resample(ink, size)
        made[start : start + len(block)] = small.reshape(len(block), count, size, size)
    return made


def _ink(positions: strokes.Floats, present: strokes.Bools) -> strokes.Bools:
    """Draws with the pen: bool [n · m, 105, 105].

    Args:
        positions: [n, m, strokes, samples, 2], (x, y) from the canvas's centre.
        present: bool [n, strokes].
    """
    drawings = positions.shape[0] * positions.shape[1]
    pixel = np.round(positions + _CANVAS / 2).astype(np.int64)
    inside = ((pixel >= _PEN) & (pixel < _CANVAS - _PEN)).all(axis=-1)
    inside &= present[:, None, :, None]
    drawing = np.arange(drawings).reshape(*positions.shape[:2], 1, 1)
    flat = (drawing * _CANVAS + pixel[..., 1]) * _CANVAS + pixel[..., 0]
    ink = np.zeros(drawings * _CANVAS * _CANVAS, np.bool_)
    ink[flat[inside]] = True
    # The pen's centre stays its half width inside, so that no shift wraps around.
    for step in (1, _CANVAS):
        thin = ink.copy()
        for shift in range(step, _PEN * step + 1, step):
            ink[shift:] |= thin[:-shift]
            ink[:-shift] |= thin[shift:]
    return ink.reshape(drawings, _CANVAS, _CANVAS)
