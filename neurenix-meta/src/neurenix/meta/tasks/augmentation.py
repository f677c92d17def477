"""Augmentation: which changes of images there are, and what is drawn for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import flag, plain_number, whole
from neurenix.errors import InvalidArgumentError
from neurenix.keywords import check_keywords

from ..counters import uniforms

PER = ("image", "class", "episode")
#: What is drawn moves as whole numbers beside the rows of a task: in units of 2⁻²⁰.
UNIT = 2.0**-20
LARGEST = 2047  # of what is drawn, in pixels or as a factor, in these units
_MOST_STRENGTH = 100.0
# Of a crop and of an erased rectangle (Szegedy et al. 2015; Zhong et al. 2020).
_CROP_RATIO = (3 / 4, 4 / 3)
_ERASED_AREA, _ERASED_RATIO = (0.02, 1 / 3), (0.3, 1 / 0.3)
_SALT = 0x9E3779B97F4A7C15  # so that no task draws its examples by the same numbers
_DRAWN = 17  # uniform numbers for an image
#: Numbers an image: a matrix and an offset, three factors, a rectangle.
COLUMNS = 13


class Drawn(NamedTuple):
    """What is drawn for images, each [...].

    a, b, c, d, x, y                 the pixel (u, v), from the centre, of the new image
                                     is (a u + b v + x, c u + d v + y) of the old one
    brightness, contrast, saturation factors
    top, left, height, width         the erased rectangle, in pixels
    """

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    c: NDArray[np.float64]
    d: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    brightness: NDArray[np.float64]
    contrast: NDArray[np.float64]
    saturation: NDArray[np.float64]
    top: NDArray[np.float64]
    left: NDArray[np.float64]
    height: NDArray[np.float64]
    width: NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """Random changes of the images of training tasks: `TaskSampler(..., augment=...)`.

    flip            probability of a mirror image, left for right
    crop            (low, high): a part of that share of the area, of an aspect between
                    3/4 and 4/3 of the image's, enlarged to the whole (Szegedy et al.
                    2015, arXiv:1409.4842, section 6)
    shift           moved by up to so many pixels, each way: torchvision's RandomCrop
                    with that padding
    rotation        turned by up to so many degrees, each way
    quarter_turns   turned by 0, 90, 180 or 270 degrees; with per="class" it makes
                    other classes, as learn2learn's RandomClassRotation does
    brightness, contrast, saturation
                    a factor between 1 − s and 1 + s, at least 0; of contrast about the
                    image's mean grey, of saturation about each pixel's grey
    erasing         probability that a rectangle of 2 to 33 % of the area becomes black
                    (Zhong et al. 2020, arXiv:1708.04896, section 3.1)
    per             what shares one draw: each "image" alone, as is usual; all images of
                    a "class", support and queries; or all of an "episode"

    In this order: crop, shift, flip, turns and rotation in one bilinear interpolation,
    with black (paper, where ink is bright) around; brightness, contrast, saturation,
    with pixels held between 0 and 1; erasing. Draws are numbers of Philox by the
    sampler's seed and the task's number: the same for any batch, device, and after a
    checkpoint.

    Raises InvalidArgumentError for values out of range and CallError for arguments that
    there are not, before anything is drawn.

    >>> Augmentation(flip=0.5, crop=(0.6, 1.0), brightness=0.4).per
    'image'
    """

    flip: float = 0.0
    crop: tuple[float, float] | None = None
    shift: int = 0
    rotation: float = 0.0
    quarter_turns: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erasing: float = 0.0
    per: str = "image"

    def __new__(cls, *args: Any, **kwargs: Any) -> Augmentation:
        check_keywords(cls, kwargs)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        name = "Augmentation"
        whole(name, "shift", self.shift, 0)
        flag(name, "quarter_turns", self.quarter_turns)
        for argument, most in (
            ("flip", 1.0),
            ("rotation", 180.0),
            ("brightness", _MOST_STRENGTH),
            ("contrast", _MOST_STRENGTH),
            ("saturation", _MOST_STRENGTH),
            ("erasing", 1.0),
        ):
            _between(argument, getattr(self, argument), 0.0, most)
        if self.crop is not None:
            if not isinstance(self.crop, (tuple, list)) or len(self.crop) != 2:
                raise InvalidArgumentError(
                    f"{name}: crop={self.crop!r}; expected (low, high), shares of the "
                    "area"
                )
            low, high = (_between("crop", share, 1e-3, 1.0) for share in self.crop)
            if low > high:
                raise InvalidArgumentError(
                    f"{name}: crop={self.crop!r}: {low} is above {high}"
                )
            object.__setattr__(self, "crop", (low, high))
        if self.per not in PER:
            raise InvalidArgumentError(
                f"{name}: per={self.per!r}; expected one of {', '.join(map(repr, PER))}"
            )

    @property
    def moves(self) -> bool:
        """Whether pixels change places."""
        return bool(
            self.flip or self.crop or self.shift or self.rotation or self.quarter_turns
        )

    @property
    def colours(self) -> bool:
        """Whether brightness, contrast or saturation change."""
        return bool(self.brightness or self.contrast or self.saturation)

    def words(
        self,
        seed: int,
        start: int,
        count: int,
        setting: tuple[int, int, int],
        size: tuple[int, int],
    ) -> NDArray[np.int32]:
        """What is drawn for the tasks from `start` on, [count, n · COLUMNS], in units
        of `UNIT`, image after image: those of the support set, then queries.

        setting   ways, shots and queries
        size      height and width of the images
        """
        groups = _groups(self.per, *setting)
        drawn = int(groups.max()) + 1
        numbers = uniforms((seed + _SALT) % 2**64, start, count, drawn * _DRAWN)
        found = self.drawn(numbers.reshape(count, drawn, _DRAWN), size)
        table = np.round(np.stack(found, axis=-1) / UNIT).astype(np.int32)
        return table[:, groups].reshape(count, -1)

    def drawn(self, u: NDArray[np.float64], size: tuple[int, int]) -> Drawn:
        """What uniform numbers [..., 17] mean for images of this height and width."""
        height, width = size
        flip = np.where(u[..., 0] < self.flip, -1.0, 1.0)
        angle = np.radians(self.rotation * (2 * u[..., 1] - 1))
        cos, sin = np.cos(angle), np.sin(angle)
        if self.quarter_turns:
            quarter = (4 * u[..., 2]).astype(np.int64)
            c, s = (
                np.array([1.0, 0, -1, 0])[quarter],
                np.array([0.0, 1, 0, -1])[quarter],
            )
            cos, sin = c * cos - s * sin, s * cos + c * sin
        part_x = part_y = np.ones_like(flip)
        x = y = np.zeros_like(flip)
        if self.crop is not None:
            low, high = self.crop
            area = low + (high - low) * u[..., 3]
            ratio = np.exp(_from(np.log(_CROP_RATIO), u[..., 4]))
            part_x = np.minimum(1.0, np.sqrt(area * ratio))
            part_y = np.minimum(1.0, np.sqrt(area / ratio))
            x = (1 - part_x) * width * (u[..., 5] - 0.5)
            y = (1 - part_y) * height * (u[..., 6] - 0.5)
        span = 2 * self.shift + 1
        x = x + np.floor(span * u[..., 7]) - self.shift
        y = y + np.floor(span * u[..., 8]) - self.shift
        factors = [
            np.maximum(0.0, 1 + strength * (2 * u[..., column] - 1))
            for strength, column in (
                (self.brightness, 9),
                (self.contrast, 10),
                (self.saturation, 11),
            )
        ]
        return Drawn(
            part_x * flip * cos,
            part_x * flip * sin,
            -part_y * sin,
            part_y * cos,
            x,
            y,
            *factors,
            *self._rectangle(u[..., 12:], height, width),
        )

    def _rectangle(
        self, u: NDArray[np.float64], height: int, width: int
    ) -> list[NDArray[np.float64]]:
        """Top, left, height and width in whole pixels; no size: nothing is erased."""
        area = _from(np.array(_ERASED_AREA), u[..., 1])
        ratio = np.exp(_from(np.log(_ERASED_RATIO), u[..., 2]))
        happens = u[..., 0] < self.erasing
        tall = np.minimum(height, np.round(height * np.sqrt(area * ratio))) * happens
        wide = np.minimum(width, np.round(width * np.sqrt(area / ratio))) * happens
        top = np.floor((height - tall + 1) * u[..., 3])
        left = np.floor((width - wide + 1) * u[..., 4])
        return [top, left, tall, wide]


def _groups(per: str, ways: int, shots: int, queries: int) -> NDArray[np.int64]:
    """For each image of a task the number of the draw that it shares."""
    total = ways * (shots + queries)
    if per == "image":
        return np.arange(total)
    if per == "episode":
        return np.zeros(total, np.int64)
    classes = np.arange(ways)
    return np.concatenate([classes.repeat(shots), classes.repeat(queries)])


def _from(ends: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
    return ends[0] + (ends[1] - ends[0]) * u


def _between(argument: str, value: object, least: float, most: float) -> float:
    found = plain_number(value)
    if found is None or not least <= found <= most:
        raise InvalidArgumentError(
            f"Augmentation: {argument}={value!r}; expected a number from {least:g} to "
            f"{most:g}"
        )
    return found
