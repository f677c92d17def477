"""Pictures: arrays of pixels, as libraries have them, become Pillow's images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import InvalidArgumentError, ShapeError
from neurenix.tensor import Tensor

from ..wording import in_words
from .images import eight_of_sixteen, pillow, plain_image

if TYPE_CHECKING:
    from PIL.Image import Image


def from_array(image: object, name: str) -> Image:
    """An image of one array: [h, w], [h, w, c] or [c, h, w], with 1, 3 or 4 channels
    (the fourth says how opaque a pixel is). Bytes are from 0 to 255, uint16 from 0 to
    65,535, floats from 0 to 1, booleans black and white. Where the first axis and
    the last could both be channels, the last is.

    Raises InvalidArgumentError for what is no image, ShapeError for other shapes.
    """
    if isinstance(image, Tensor):
        image = image.numpy()
    if not isinstance(image, np.ndarray):
        raise InvalidArgumentError(
            f"{name} is {in_words(image)}; expected a path, a PIL image or an array"
        )
    if image.size == 0:
        raise ShapeError(f"{name} has the shape {image.shape}: it is empty")
    array = _channels_last(image, name)
    array = _bytes(array, name)
    if array.shape[-1] == 1:
        array = array[..., 0]
    return plain_image(pillow().fromarray(np.ascontiguousarray(array)), name)


def _channels_last(image: NDArray[Any], name: str) -> NDArray[Any]:
    if image.ndim == 2:
        return image[..., None]
    if image.ndim == 3 and image.shape[2] in (1, 3, 4):
        return image
    if image.ndim == 3 and image.shape[0] in (1, 3, 4):
        return image.transpose(1, 2, 0)
    raise ShapeError(
        f"{name} has the shape {image.shape}; expected [h, w], [h, w, c] or [c, h, w] "
        "with 1, 3 or 4 channels"
    )


def _bytes(image: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.bool_:
        return image.astype(np.uint8) * np.uint8(255)
    if image.dtype == np.uint16:
        return eight_of_sixteen(image.astype(np.int64), name)
    if image.dtype.kind == "f":
        least, most = float(image.min()), float(image.max())
        if not (least >= 0.0 and most <= 1.0):  # NaN, too
            raise InvalidArgumentError(
                f"{name} has floats from {least:g} to {most:g}; an image's floats are "
                "from 0 to 1, and its bytes (uint8) from 0 to 255"
            )
        return np.floor(image.astype(np.float64) * 255 + 0.5).astype(np.uint8)
    raise InvalidArgumentError(
        f"{name} is an array of {image.dtype}; expected uint8, uint16, floats from 0 "
        "to 1 or booleans"
    )
