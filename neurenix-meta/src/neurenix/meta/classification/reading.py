"""Reads examples in batches, preprocessed or as they are; names what is unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import DatasetError, InvalidArgumentError, ShapeError
from neurenix.tensor import Tensor

from ..datasets.preprocess import Preprocess
from ..wording import in_words
from .examples import is_path

Array = NDArray[Any]
UNREADABLE = ("refuse", "skip")


@dataclass(frozen=True)
class Batch:
    """Some of the examples: their numbers `rows`, and x [n, ...], what is read."""

    rows: list[int]
    x: Array


@dataclass(frozen=True)
class Reader:
    """How examples are read.

    preprocess   None: examples are arrays, and are taken as they are
    unreadable   "refuse" images that cannot be read, or "skip" them with a warning
    batch_size   how many are read, and embedded, at once
    """

    preprocess: Preprocess | None
    unreadable: str
    batch_size: int

    def __post_init__(self) -> None:
        if self.preprocess is not None and not isinstance(self.preprocess, Preprocess):
            raise InvalidArgumentError(
                f"Classifier: preprocess is {in_words(self.preprocess)}; expected a "
                "Preprocess, or None for arrays that the embedding reads as they are"
            )
        if self.unreadable not in UNREADABLE:
            raise InvalidArgumentError(
                f"Classifier: unreadable={self.unreadable!r}; expected "
                f"{' or '.join(map(repr, UNREADABLE))}"
            )
        size = whole("Classifier", "batch_size", self.batch_size, 1)
        object.__setattr__(self, "batch_size", size)

    def batches(self, images: Sequence[object], skipped: list[str]) -> Iterator[Batch]:
        """All that can be read, a batch at a time; why the others cannot be is added to
        `skipped`."""
        for start in range(0, len(images), self.batch_size):
            rows, values = [], []
            stop = min(start + self.batch_size, len(images))
            for row in range(start, stop):
                try:
                    values.append(self._one(images[row], row))
                except DatasetError as error:
                    if self.unreadable == "refuse":
                        raise DatasetError(
                            f'{error}; Classifier(..., unreadable="skip") leaves it out'
                        ) from error
                    skipped.append(str(error))
                else:
                    rows.append(row)
            if rows:
                yield Batch(rows, _stacked(values, rows))

    def _one(self, image: object, row: int) -> Array:
        if self.preprocess is not None:
            return self.preprocess.values(self.preprocess.pixels(image, f"image {row}"))
        if isinstance(image, Tensor):
            return image.numpy()
        if is_path(image) or not isinstance(image, (np.ndarray, list, tuple)):
            shown = os.fsdecode(image) if is_path(image) else in_words(image)  # type: ignore[arg-type]
            raise InvalidArgumentError(
                f"image {row} is {shown}, and this classifier knows no preprocessing: "
                "say how images were prepared for its embedding, "
                "Classifier(embedding, Preprocess(size=..., channels=...)), or give "
                "arrays"
            )
        array = np.asarray(image)
        if array.dtype.kind not in "fiub":
            raise InvalidArgumentError(
                f"example {row} is an array of {array.dtype}; expected numbers"
            )
        return array


def _stacked(values: list[Array], rows: list[int]) -> Array:
    for row, value in zip(rows, values):
        if value.shape != values[0].shape:
            raise ShapeError(
                f"example {row} has the shape {value.shape}, and example {rows[0]} "
                f"{values[0].shape}; expected one shape (a Preprocess makes images of "
                "one size)"
            )
    return np.stack(values)
