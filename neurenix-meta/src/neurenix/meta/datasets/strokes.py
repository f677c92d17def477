"""The geometry of `Glyphs`: characters as pen strokes, and drawers' variations of them.

Only +, −, ×, ÷, square roots and rounding touch a coordinate (no matrix products, sines
or exponentials, whose last bit depends on the library), so that the same numbers give
the same drawing on every machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MAX_STROKES = 5
POINTS = 8  # control points of a stroke
_STEPS = POINTS - 1
SAMPLES = 104  # pen positions along a stroke

# How many uniform numbers a character takes, and a drawing of it.
_STROKE_NUMBERS = 20 + _STEPS
CHARACTER_NUMBERS = 8 + MAX_STROKES * _STROKE_NUMBERS
_STROKE_JITTER_NUMBERS = 8 + 4 * POINTS
DRAWING_NUMBERS = 12 + MAX_STROKES * _STROKE_JITTER_NUMBERS

_TURN = 1024  # headings are counted in 1024ths of a turn
_ANGLES: Floats = 2.0 * np.pi * np.arange(_TURN) / _TURN
_COMPASS: Floats = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1).round(9)

_LINE, _ARC, _WAVE, _CORNERS, _LOOP, _DOT = range(6)
_KINDS = np.cumsum([0.30, 0.22, 0.17, 0.17, 0.11, 0.03])
_STROKE_COUNTS = np.cumsum([0.24, 0.32, 0.24, 0.13, 0.07])  # of 1, 2, … 5 strokes


class Characters(NamedTuple):
    """`n` characters, in pixels around the canvas's centre.

    points: [n, strokes, points, 2] control points (x, y).
    sharp: bool [n, strokes], straight between its points instead of smooth.
    present: bool [n, strokes].
    """

    points: Floats
    sharp: Bools
    present: Bools


def _bases() -> tuple[Floats, Floats]:
    """[samples, points] each: Catmull-Rom curve, and polyline, through the points."""
    position = np.linspace(0.0, _STEPS, SAMPLES)
    left = np.minimum(position.astype(np.int64), _STEPS - 1)
    t = position - left
    cubics = (
        -t + 2 * t**2 - t**3,
        2 - 5 * t**2 + 3 * t**3,
        t + 4 * t**2 - 3 * t**3,
        -(t**2) + t**3,
    )
    smooth = np.zeros((SAMPLES, POINTS))
    for offset, cubic in zip((-1, 0, 1, 2), cubics, strict=True):
        column = np.clip(left + offset, 0, _STEPS)
        smooth[np.arange(SAMPLES), column] += cubic / 2
    sharp = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(POINTS)))
    return smooth, sharp


_SMOOTH, _SHARP = _bases()


def curve(points: Floats, sharp: Bools) -> Floats:
    """Pen positions [..., samples, 2] of the control points [..., points, 2]."""
    result = np.zeros((*points.shape[:-2], SAMPLES, 2))
    for k in range(POINTS):
        weights = np.where(sharp[..., None], _SHARP[:, k], _SMOOTH[:, k])
        result += weights[..., None] * points[..., k, None, :]
    return result


def _bell(uniforms: Floats) -> Floats:
    """Near normal, variance 1, within ±2.45: pairs of uniforms [..., 2] added up."""
    return (uniforms[..., 0] + uniforms[..., 1] - 1.0) * 2.449489742783178


def _turns(kind: NDArray[np.int64], u: Floats, wiggle: Floats) -> Floats:
    """How far a stroke turns before each of its steps: [n, steps]."""
    step = np.arange(_STEPS)
    side = np.where(u[:, 0:1] < 0.5, -1.0, 1.0)
    amount, place, gap = u[:, 1:2], u[:, 2:3], u[:, 3:4]
    line = side * amount**3 * 24.0 + 0.0 * step
    arc = side * (100.0 + 720.0 * amount) / _STEPS + 12.0 * (wiggle - 0.5)
    sway = np.where(step < 2.0 + 3.0 * place, 1.0, -1.0)
    wave = side * sway * (60.0 + 100.0 * amount) + 120.0 * (wiggle - 0.5)
    after, spacing = step - np.floor(1.0 + 3.0 * place), np.floor(2.0 + 3.0 * gap)
    is_corner = (after >= 0) & (after % spacing == 0)
    zigzag = np.where((after // spacing) % 2 == 1, np.sign(u[:, 4:5] - 0.5), 1.0)
    sharpness = np.where(amount < 0.6, 256.0, 140.0 + 280.0 * wiggle)
    corners = side * np.where(is_corner, zigzag * sharpness, 0.0)
    loop = side * (_TURN / _STEPS) * (0.97 + 0.2 * amount) + 16.0 * (wiggle - 0.5)
    kinds = [kind[:, None] == k for k in (_ARC, _WAVE, _CORNERS, _LOOP)]
    return np.select(kinds, [arc, wave, corners, loop], line)


def _stroke(u: Floats, wiggle: Floats) -> tuple[Floats, Bools]:
    """One stroke of each character, from its start: [n, points, 2]; is it sharp: [n].

    `u` [n, 11] and `wiggle` [n, steps] are uniform numbers.
    """
    kind = np.searchsorted(_KINDS, u[:, 0], side="right").clip(max=_DOT)
    straight = (kind == _LINE) | (kind == _CORNERS)
    # Most scripts are built of level and upright strokes.
    level = np.round(4.0 * u[:, 1]) * (_TURN / 4) + 40.0 * (u[:, 2] - 0.5)
    heading = np.where(straight & (u[:, 3] < 0.65), level, _TURN * u[:, 1])
    turns = _turns(kind, u[:, 4:9], wiggle)
    turns[:, 0] = 0.0
    headings = heading[:, None] + np.cumsum(turns, axis=1)
    length = np.where(kind == _LINE, 0.3 + 0.8 * u[:, 9], 0.5 + 1.0 * u[:, 9])
    length[kind == _DOT] = 0.03
    steps = _COMPASS[np.round(headings).astype(np.int64) % _TURN]
    steps = steps * (length / _STEPS)[:, None, None]
    # An arc or a loop is an ellipse rather than a circle.
    round_ = (kind == _ARC) | (kind == _LOOP)
    squeeze = np.where(round_, 0.6 + 0.8 * u[:, 10], 1.0)
    steps[..., 0] *= squeeze[:, None]
    start = np.zeros((len(u), 1, 2))
    return np.concatenate([start, np.cumsum(steps, axis=1)], axis=1), straight


def _attach(path: Floats, u: Floats, earlier: Floats) -> Floats:
    """Moves strokes [n, points, 2] to where they meet `earlier` [n, s, samples, 2].

    Most begin at an earlier one's end, middle or quarter, some cross it, and some stand
    apart. `u` [n, 8] are uniform numbers.
    """
    n, count = earlier.shape[:2]
    everyone = np.arange(n)
    joint = np.where(u[:, 1] < 0.6, np.round(4.0 * u[:, 2]) / 4.0, u[:, 2])
    sample = np.round(joint * (SAMPLES - 1)).astype(np.int64)
    met = earlier[everyone, (u[:, 0] * count).astype(np.int64), sample]
    middle = (earlier.min(axis=(1, 2)) + earlier.max(axis=(1, 2))) / 2
    apart = middle + 1.3 * (u[:, 3:5] - 0.5)
    anchor = np.where(u[:, 5] < 0.62, 0.0, np.round(_STEPS * u[:, 6]))
    anchor = np.where(u[:, 5] > 0.75, _STEPS // 2, anchor).astype(np.int64)
    own = path[everyone, anchor]
    joined = u[:, 7] < 0.72
    centre = (path.min(axis=1) + path.max(axis=1)) / 2
    shift = np.where(joined[:, None], met - own, apart - centre)
    return path + shift[:, None, :]


def characters(numbers: Floats) -> Characters:
    """Characters from `numbers` [n, CHARACTER_NUMBERS], uniform on [0, 1)."""
    n = len(numbers)
    common, rest = numbers[:, :8], numbers[:, 8:]
    rest = rest.reshape(n, MAX_STROKES, _STROKE_NUMBERS)
    count = np.searchsorted(_STROKE_COUNTS, common[:, 0], side="right") + 1
    present = np.arange(MAX_STROKES) < count[:, None]
    points = np.zeros((n, MAX_STROKES, POINTS, 2))
    sharp = np.zeros((n, MAX_STROKES), np.bool_)
    curves = np.zeros((n, MAX_STROKES, SAMPLES, 2))
    for s in range(MAX_STROKES):
        own, joint, wiggle = rest[:, s, :11], rest[:, s, 11:20], rest[:, s, 20:]
        points[:, s], sharp[:, s] = _stroke(own, wiggle)
        if s:
            # Later strokes are mostly shorter than the one that they join.
            points[:, s] *= (0.45 + 0.55 * joint[:, 8])[:, None, None]
            points[:, s] = _attach(points[:, s], joint[:, :8], curves[:, :s])
        curves[:, s] = curve(points[:, s], sharp[:, s])
    drawn = present[:, :, None, None]
    low = np.where(drawn, curves, np.inf).min(axis=(1, 2))
    high = np.where(drawn, curves, -np.inf).max(axis=(1, 2))
    side = np.clip(65.0 + 11.0 * _bell(common[:, 1:3]), 36.0, 88.0)
    # A lone dot is not blown up.
    scale = side / np.maximum((high - low).max(axis=1), 0.2)
    home = 2.0 * _bell(common[:, 3:7].reshape(n, 2, 2)) - [1.3, 1.7]
    points = points - ((low + high) / 2)[:, None, None, :]
    points = points * scale[:, None, None, None] + home[:, None, None, :]
    return Characters(points, sharp, present)


def _rotated(points: Floats, tangent: Floats) -> Floats:
    """Turns [..., 2] by the angle whose half has the tangent given."""
    norm = 1.0 + tangent * tangent
    cosine, sine = (1.0 - tangent * tangent) / norm, 2.0 * tangent / norm
    x, y = points[..., 0], points[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)


def drawings(made: Characters, numbers: Floats) -> Floats:
    """Pen positions [n, m, strokes, samples, 2] of `m` drawings of each character.

    Every drawer has a slant, a size, a place and an aspect of their own; moves, turns
    and scales each stroke; and misses each control point by a little.

    Args:
        made: `n` characters.
        numbers: [n, m, DRAWING_NUMBERS], uniform on [0, 1).
    """
    n, m = numbers.shape[:2]
    whole = _bell(numbers[..., :12].reshape(n, m, 6, 2))
    rest = numbers[..., 12:].reshape(n, m, MAX_STROKES, _STROKE_JITTER_NUMBERS // 2, 2)
    stroke = _bell(rest)  # [n, m, strokes, 4 + 2 · points]
    points = np.repeat(made.points[:, None], m, axis=1)
    missed = stroke[..., 4:].reshape(n, m, MAX_STROKES, POINTS, 2)
    # Neighbouring points are missed alike: a hand drifts more than it trembles.
    drift = missed.copy()
    drift[..., 1:, :] += missed[..., :-1, :]
    drift[..., :-1, :] += missed[..., 1:, :]
    points += 1.0 * drift
    centre = points.mean(axis=-2, keepdims=True)
    own = _rotated(points - centre, 0.05 * stroke[..., 0, None])
    own *= (1.0 + 0.09 * stroke[..., 1])[..., None, None]
    points = own + centre + 1.7 * stroke[..., None, 2:4]
    points = _rotated(points, (0.045 * whole[..., 0])[..., None, None])
    slant, aspect, size = whole[..., 1], whole[..., 2], whole[..., 3]
    x = points[..., 0] + (0.09 * slant)[..., None, None] * points[..., 1]
    x = x * ((1.0 + 0.11 * size) * (1.0 + 0.08 * aspect))[..., None, None]
    y = points[..., 1] * ((1.0 + 0.11 * size) * (1.0 - 0.08 * aspect))[..., None, None]
    moved = np.stack([x, y], axis=-1) + 5.0 * whole[..., None, None, 4:6]
    return curve(moved, np.repeat(made.sharp[:, None], m, axis=1))
