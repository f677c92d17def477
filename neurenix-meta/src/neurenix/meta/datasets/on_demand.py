"""Images on demand: an array that is read from files as its rows are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest_of
from .found_images import unreadable

_READERS = min(8, os.cpu_count() or 1)  # threads: Pillow decodes without Python's lock


class ImagesOnDemand:
    """uint8 [n, channels, height, width], of which a row is a file that is read when
    the row is asked for; nothing is kept.

    files   where each row comes from
    shape   of all of it
    pixels  uint8 [channels, height, width] of a file

    Indexing by an array or a slice gives an ordinary array; DatasetError, naming it,
    for a file that cannot be read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        files: Sequence[Path],
        shape: tuple[int, int, int],
        pixels: Callable[[Path], NDArray[np.uint8]],
    ) -> None:
        self.files = list(files)
        self.shape = (len(self.files), *shape)
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        asked = np.arange(len(self.files))[rows]
        # Two of the same row, as in several tasks of a batch, are read once.
        distinct, where = np.unique(asked, return_inverse=True)
        files = [self.files[row] for row in distinct]
        found = np.empty((len(files), *self.shape[1:]), np.uint8)
        if files:
            with ThreadPoolExecutor(min(_READERS, len(files))) as readers:
                for place, image in enumerate(readers.map(self.pixels, files)):
                    found[place] = image
        whole: NDArray[np.uint8] = found[where.reshape(np.shape(asked))]
        return whole

    def of_rows(self, rows: NDArray[np.int64]) -> ImagesOnDemand:
        """Some of its rows, not read yet."""
        files = [self.files[row] for row in rows]
        _, *shape = self.shape
        return ImagesOnDemand(files, (shape[0], shape[1], shape[2]), self.pixels)

    def digest(self) -> str:
        """SHA-256 of what tells the files from others without reading them: folder,
        name and size of each.

        Raises DatasetError, naming it, for a file that is not there.
        """
        told = []
        for file in self.files:
            try:
                told.append(f"{file.parent.name}/{file.name} {file.stat().st_size}")
            except OSError as error:
                raise unreadable(file, error) from error
        return digest_of([], *told)


#: What a data set may hold: an array, or one that is read from files.
Examples = NDArray[Any] | ImagesOnDemand
