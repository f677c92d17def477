"""Preprocess: from an image of any size and mode to what an embedding reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import flag, plain_number, positive, whole
from neurenix.errors import InvalidArgumentError

from .images import pillow, plain_image, read
from .pictures import from_array

if TYPE_CHECKING:
    from PIL.Image import Image

FITS = ("crop", "pad", "stretch")
RESAMPLING = ("lanczos", "bicubic", "bilinear", "nearest")


@dataclass(frozen=True)
class Preprocess:
    """What becomes of an image before an embedding reads it.

    size       the side of the square that the embedding reads
    channels   1 for grey (ITU-R 601-2 luma), 3 for red, green and blue
    fit        how an image that is no square becomes one. "crop": its centre, the
               shorter side whole; "pad": all of it, with borders; "stretch": all of it,
               as `datasets.ImageFolder` does
    resize     of "crop": what the shorter side would become; the centre of size × size
               is taken of that. (256, with size=224, is torchvision's habit.) None:
               `size`
    fill       the grey of the borders of "pad", 0 to 255
    invert     make ink bright and paper dark, as for drawings on white
    mean, std  of pixels between 0 and 1, one for all channels or one each: what is read
               is (x / 255 − mean) / std
    resample   "lanczos" (as data sets here are made), "bicubic", "bilinear", "nearest"

    It must be what the embedding was trained with, so that it travels with it: a
    `Classifier` keeps it, and writes it to its file. Images are turned upright as their
    EXIF data say; what is see-through becomes white, whatever `fill` is; 16 bits of
    grey become 8 (65,535 is white: a warning tells, once, of one that uses no more than
    12 of them); CMYK and palettes become red, green and blue; of an animation the first
    frame counts.

    Raises InvalidArgumentError for settings that it does not know.

    >>> import numpy as np
    >>> preprocess = Preprocess(4, channels=1, fit="pad", fill=0)
    >>> wide = np.full((2, 4), 255, np.uint8)
    >>> preprocess([wide])[0, 0].tolist()[1:3]
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    >>> preprocess([wide])[0, 0, 0].tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    size: int
    channels: int = 3
    fit: str = "crop"
    resize: int | None = None
    fill: int = 255
    invert: bool = False
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    resample: str = "lanczos"

    def __post_init__(self) -> None:
        name = "Preprocess"
        checked: dict[str, Any] = {
            "size": whole(name, "size", self.size, 1),
            "channels": whole(name, "channels", self.channels, 1),
            "fill": whole(name, "fill", self.fill, 0),
            "invert": flag(name, "invert", self.invert),
        }
        if checked["channels"] not in (1, 3):
            _refuse("channels", self.channels, "1 or 3")
        for argument, value, known in (
            ("fit", self.fit, FITS),
            ("resample", self.resample, RESAMPLING),
        ):
            if value not in known:
                _refuse(argument, value, f"one of {', '.join(map(repr, known))}")
        if checked["fill"] > 255:
            _refuse("fill", self.fill, "a grey from 0 to 255")
        if self.resize is not None:
            checked["resize"] = whole(name, "resize", self.resize, checked["size"])
            if self.fit != "crop":
                _refuse("resize", self.resize, f'none with fit="{self.fit}"')
        checked["mean"] = self._for_channels("mean", self.mean)
        checked["std"] = self._for_channels("std", self.std)
        for value in np.ravel(checked["std"]):
            positive(name, "std", value)
        for argument, value in checked.items():
            object.__setattr__(self, argument, value)

    def _for_channels(self, argument: str, value: Any) -> float | tuple[float, ...]:
        several = isinstance(value, (list, tuple, np.ndarray))
        found = [plain_number(x) for x in (value if several else [value])]
        numbers = [x for x in found if x is not None and np.isfinite(x)]
        if len(numbers) != len(found) or (several and len(found) != self.channels):
            _refuse(argument, value, f"a number, or one for each of {self.channels}")
        return tuple(numbers) if several else numbers[0]

    def __call__(self, images: Sequence[object]) -> NDArray[np.float32]:
        """float32 [n, channels, size, size] of paths, PIL images or arrays.

        Raises DatasetError for one that cannot be read (named), and
        InvalidArgumentError for what is no image.
        """
        shape = (len(images), self.channels, self.size, self.size)
        result = np.empty(shape, np.float32)
        for row, image in enumerate(images):
            result[row] = self.values(self.pixels(image, f"image {row}"))
        return result

    def pixels(self, image: object, name: str = "the image") -> NDArray[np.uint8]:
        """uint8 [channels, size, size] of one image; `name` is its name in errors."""
        if isinstance(image, (str, bytes, os.PathLike)):
            plain = read(Path(os.fsdecode(image)), deep=True)
        elif isinstance(image, pillow().Image):
            plain = plain_image(cast("Image", image), name)
        else:
            plain = from_array(image, name)
        square = self._square(plain.convert("L" if self.channels == 1 else "RGB"))
        array = np.asarray(square, np.uint8)
        array = array.reshape(self.size, self.size, self.channels).transpose(2, 0, 1)
        return 255 - array if self.invert else array

    @property
    def keeps_range(self) -> bool:
        """Whether what is read is pixels from 0 to 1: no mean, no deviation."""
        return not np.any(self.mean) and bool(np.all(np.equal(self.std, 1.0)))

    def values(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the embedding reads of pixels [channels, size, size]."""
        # As learners read stored pixels: in float32, times 1 / 255.
        x = pixels.astype(np.float32) * np.float32(1.0 / 255.0)
        if self.keeps_range:
            return x
        mean, std = (
            np.asarray(v, np.float32).reshape(-1, 1, 1) for v in (self.mean, self.std)
        )
        return (x - mean) / std

    def _square(self, image: Image) -> Image:
        width, height = image.size
        filter = pillow().Resampling[self.resample.upper()]
        side = (self.size, self.size)
        if self.fit == "crop" and (width != height or self.resize is not None):
            # In the image's own pixels, so that nothing larger than it is ever made.
            half = min(width, height) * self.size / (self.resize or self.size) / 2
            x, y = width / 2, height / 2
            box = (x - half, y - half, x + half, y + half)
            return image.resize(side, filter, box=box)
        if self.fit == "pad" and width != height:
            scale = self.size / max(width, height)
            inner = (max(1, round(width * scale)), max(1, round(height * scale)))
            square = pillow().new(
                image.mode, side, (self.fill,) * 3 if self.channels == 3 else self.fill
            )
            corner = ((self.size - inner[0]) // 2, (self.size - inner[1]) // 2)
            square.paste(image.resize(inner, filter), corner)
            return square
        return image if image.size == side else image.resize(side, filter)

    def to_json(self) -> dict[str, Any]:
        """Its settings by name."""
        return asdict(self)

    @staticmethod
    def of_json(settings: dict[str, Any]) -> Preprocess:
        """The one of these settings, where JSON has made lists of tuples."""
        plain: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in settings.items()
        }
        return Preprocess(**plain)


def _refuse(argument: str, value: object, expected: str) -> None:
    raise InvalidArgumentError(f"Preprocess: {argument}={value!r}; expected {expected}")
