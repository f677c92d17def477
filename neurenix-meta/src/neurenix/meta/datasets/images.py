"""Reading images with Pillow: one place that knows what a broken file looks like."""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import types
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import DatasetError

from .found_images import unreadable
from .telling import warn_user

if TYPE_CHECKING:
    from PIL.Image import Image

# What Pillow's decoders raise on damaged files, by format; its own errors besides.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
)
# 8 bits a channel, or fewer: what becomes grey or colour without losing its range.
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"}
_DARK = 4095  # of 65,535: what has no more light was probably of 12 bits, or of 8
_said_of_dark: set[str] = set()  # the one that was named in this process


def pillow() -> types.ModuleType:
    """The module `PIL.Image`, or an error that says what to install."""
    try:
        import PIL.Image
    except ImportError as error:
        raise DatasetError(
            "reading images needs Pillow, which cannot be imported "
            f"({error}): pip install Pillow"
        ) from error
    return PIL.Image


def read(file: Path, *, deep: bool = False) -> Image:
    """The decoded image of a file: see `decode`.

    Raises DatasetError, naming it, also for a file that cannot be opened, and for a
    link that leads nowhere.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
            raise DatasetError(f"{file} is no file, but has an image's suffix")
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error
    return decode(content, str(file), deep=deep)


def decode(content: bytes, file: str, *, deep: bool = False) -> Image:
    """A decoded image from a file's bytes, upright; `file` is its name in errors.

    What is see-through becomes white; of an animation it is the first frame.

    deep   take grey of 16 bits, too, as the nearest of 8

    Raises DatasetError for a file that is no image, is cut off or damaged, or has more
    than 8 bits a channel.
    """
    module = pillow()
    with _named(file):
        image: Image = module.open(io.BytesIO(content))
        return _plain(image, file, deep)


def plain_image(image: Image, name: str) -> Image:
    """A copy of an image that a user opened, made plain as `decode` does; grey of 16
    bits is taken. Raises DatasetError as `decode` does."""
    with _named(name):
        image.load()
        copied = image.copy()
        return _plain(copied, name, deep=True)


def _plain(image: Image, name: str, deep: bool) -> Image:
    """Upright, on white, and of 8 bits a channel."""
    module = pillow()
    image.load()
    _turn_upright(image)
    if image.mode in _MODES and image.has_transparency_data:
        image = image.convert("RGBA")
        paper = module.new("RGBA", image.size, "white")
        image = module.alpha_composite(paper, image)
    if deep and (image.mode == "I" or image.mode.startswith("I;16")):
        image = _of_eight_bits(image, name)
    if image.mode not in _MODES:
        raise DatasetError(
            f"{name} has the mode {image.mode}; expected at most "
            f"{'16 bits of grey, or 8' if deep else '8'} bits a channel"
        )
    return image


def _of_eight_bits(image: Image, name: str) -> Image:
    """Grey of 16 bits as the nearest of 8: round(x · 255 / 65,535)."""
    deep = np.asarray(image).astype(np.int64)
    if deep.min() < 0 or deep.max() > 65_535:
        raise DatasetError(
            f"{name} has the mode {image.mode} and values from {deep.min()} to "
            f"{deep.max()}; expected at most 16 bits, 0 to 65535"
        )
    return pillow().fromarray(eight_of_sixteen(deep, name))


def eight_of_sixteen(deep: NDArray[np.int64], name: str) -> NDArray[np.uint8]:
    """round(x · 255 / 65,535) of grey from 0 to 65,535. A warning names the first image
    in this process that becomes nearly black, for they come by the thousand."""
    largest = int(deep.max())
    if 0 < largest <= _DARK and not _said_of_dark:
        _said_of_dark.add(name)
        bits = 8 if largest < 256 else 12
        warn_user(
            f"{name} has 16 bits of grey or more, and its largest value is {largest} "
            "of 65535: it is read as nearly black. If it was taken with "
            f"{bits} bits, give np.asarray(image) / {2**bits - 1}, or save it with "
            "values up to 65535. Other images like it are not named"
        )
    return ((deep * 255 + 32_767) // 65_535).astype(np.uint8)


@contextlib.contextmanager
def _named(file: str) -> Iterator[None]:
    """What decoders raise becomes a DatasetError that names the image."""
    module = pillow()
    try:
        yield
    except (*_DAMAGED, module.DecompressionBombError) as error:
        known = not isinstance(error, module.UnidentifiedImageError)
        why = error if known else "it has no image format that Pillow knows"
        raise DatasetError(f"{file} is not a readable image: {why}") from error


def _turn_upright(image: Image) -> None:
    """Turn or mirror it in place as its EXIF orientation says."""
    from PIL import ImageOps

    # EXIF data that are damaged say nothing, and spoil no image.
    damaged = (SyntaxError, ValueError, KeyError, TypeError, struct.error)
    with contextlib.suppress(*damaged):
        ImageOps.exif_transpose(image, in_place=True)


def pixels(image: Image, size: int, channels: int) -> NDArray[np.uint8]:
    """uint8 [channels, size, size]: grey (1) or red, green and blue (3), Lanczos."""
    converted = image.convert("L" if channels == 1 else "RGB")
    if converted.size != (size, size):
        converted = converted.resize((size, size), pillow().Resampling.LANCZOS)
    array: NDArray[Any] = np.asarray(converted, np.uint8)
    return array.reshape(size, size, channels).transpose(2, 0, 1)
