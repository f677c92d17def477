"""Reading images with Pillow: one place that knows what a broken file looks like."""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import types
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import DatasetError

from .found_images import unreadable

if TYPE_CHECKING:
    from PIL.Image import Image

# 8 bits a channel, or fewer: what becomes grey or colour without losing its range.
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"}


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


def read(file: Path) -> Image:
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
    return decode(content, str(file))


def decode(content: bytes, file: str) -> Image:
    """A decoded image from a file's bytes, upright; `file` is its name in errors.

    What is see-through becomes white. Raises DatasetError for a file that is no image,
    is cut off or damaged, or has more than 8 bits a channel.
    """
    module = pillow()
    try:
        image: Image = module.open(io.BytesIO(content))
        image.load()
        _turn_upright(image)
        if image.mode in _MODES and image.has_transparency_data:
            image = image.convert("RGBA")
            paper = module.new("RGBA", image.size, "white")
            image = module.alpha_composite(paper, image)
    except (
        # What Pillow's decoders raise on damaged files, by format.
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        OverflowError,
        struct.error,
        zlib.error,
        module.DecompressionBombError,
    ) as error:
        known = not isinstance(error, module.UnidentifiedImageError)
        why = error if known else "it has no image format that Pillow knows"
        raise DatasetError(f"{file} is not a readable image: {why}") from error
    if image.mode not in _MODES:
        raise DatasetError(
            f"{file} has the mode {image.mode}; expected at most 8 bits a channel"
        )
    return image


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
