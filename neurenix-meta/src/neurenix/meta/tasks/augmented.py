"""Augmented: images on the device changed as was drawn, in a program or not."""

from __future__ import annotations

import numpy as np

import neurenix as nx

from .augmentation import COLUMNS, UNIT, Augmentation, Drawn

_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601-2


def augmented(how: Augmentation, x: nx.Tensor, words: nx.Tensor) -> nx.Tensor:
    """Images [n, channels, height, width], of pixels from 0 to 1, changed as the words
    [n · COLUMNS] of `Augmentation.words` say."""
    table = words.reshape(len(x), COLUMNS).to(x.dtype) * UNIT
    drawn = {
        name: table[:, column].reshape(len(x), 1, 1, 1)
        for column, name in enumerate(Drawn._fields)
    }
    if how.moves:
        x = _moved(x, drawn)
    if how.colours:
        x = _coloured(how, x, drawn)
    return _erased(x, drawn) if how.erasing else x


def _moved(x: nx.Tensor, drawn: dict[str, nx.Tensor]) -> nx.Tensor:
    """Bilinear interpolation at the places that the matrix gives; black outside. Along
    its border a pixel reaches half its size outwards, as when an image is resized."""
    count, channels, height, width = x.shape
    middle = (height - 1) / 2, (width - 1) / 2
    v = _range(height, x, 2) - middle[0]
    u = _range(width, x, 3) - middle[1]
    column = drawn["a"] * u + drawn["b"] * v + drawn["x"] + middle[1]
    row = drawn["c"] * u + drawn["d"] * v + drawn["y"] + middle[0]
    inside = (row >= -0.5) & (row < height - 0.5)
    inside = inside & (column >= -0.5) & (column < width - 0.5)
    row, column = nx.clip(row, 0.0, height - 1.0), nx.clip(column, 0.0, width - 1.0)
    top, left = nx.floor(row), nx.floor(column)
    below, right = row - top, column - left  # the shares of the neighbours there
    pixels = x.reshape(count, channels, height * width)
    total = nx.zeros_like(x)
    for down, across, share in (
        (0.0, 0.0, (1.0 - below) * (1.0 - right)),
        (0.0, 1.0, (1.0 - below) * right),
        (1.0, 0.0, below * (1.0 - right)),
        (1.0, 1.0, below * right),
    ):
        i = nx.minimum(top + down, height - 1.0)
        j = nx.minimum(left + across, width - 1.0)
        place = (i * float(width) + j).to(nx.int32).reshape(count, 1, height * width)
        place = nx.broadcast_to(place, pixels.shape)
        found = nx.take_along_axis(pixels, place, axis=2)
        total = total + share * found.reshape(*x.shape)
    return nx.where(inside, total, nx.zeros_like(total))


def _range(count: int, x: nx.Tensor, axis: int) -> nx.Tensor:
    """0 to count − 1 along an axis of images, in their dtype."""
    shape = [1, 1, 1, 1]
    shape[axis] = count
    return nx.tensor(np.arange(count, dtype=np.float32)).to(x.dtype).reshape(*shape)


def _coloured(
    how: Augmentation, x: nx.Tensor, drawn: dict[str, nx.Tensor]
) -> nx.Tensor:
    if how.brightness:
        x = nx.clip(x * drawn["brightness"], 0.0, 1.0)
    if how.contrast:
        mean = _grey(x).mean(dim=(1, 2, 3), keepdims=True)
        x = nx.clip(mean + (x - mean) * drawn["contrast"], 0.0, 1.0)
    if how.saturation and x.shape[1] == 3:
        grey = _grey(x)
        x = nx.clip(grey + (x - grey) * drawn["saturation"], 0.0, 1.0)
    return x


def _grey(x: nx.Tensor) -> nx.Tensor:
    if x.shape[1] != 3:
        return x.mean(dim=1, keepdims=True)
    red, green, blue = (x[:, i : i + 1] * share for i, share in enumerate(_LUMA))
    return red + green + blue


def _erased(x: nx.Tensor, drawn: dict[str, nx.Tensor]) -> nx.Tensor:
    i, j = _range(x.shape[2], x, 2), _range(x.shape[3], x, 3)
    rows = (i >= drawn["top"]) & (i < drawn["top"] + drawn["height"])
    columns = (j >= drawn["left"]) & (j < drawn["left"] + drawn["width"])
    return nx.where(rows & columns, nx.zeros_like(x), x)
