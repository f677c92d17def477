"""A folder of class folders as a data set."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from neurenix.errors import DatasetError, InvalidArgumentError

from ..checks import whole_number
from .base import ClassDataset, MissingDataError
from .images import decode, pixels

_SUFFIXES = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip


def class_folders(root: Path, suffixes: set[str]) -> dict[str, list[Path]]:
    """The images of each folder below `root` that holds any, in sorted order.

    A class's name is its folder's path from `root`, with "/" between the parts; hidden
    files and folders are left out.
    """
    found: dict[str, list[Path]] = {}
    for folder, below, files in os.walk(root, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        here = Path(folder)
        images = [
            here / name
            for name in sorted(files)
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes
        ]
        if images and here != root:
            found[here.relative_to(root).as_posix()] = images
    return dict(sorted(found.items()))


class ImageFolder(ClassDataset):
    """Images in one folder a class, at any depth: `root/alphabet/letter/01.png`.

    Every folder that holds images is a class, named by its path from `root`. Images
    become uint8 [total, channels, size, size]; an image that is not square is
    stretched. Files that are no images by their suffix are passed over.

    Args:
        root: the folder of class folders.
        size: the side that images are resized to (Lanczos).
        channels: 1 for grey, 3 for red, green and blue.
        invert: make ink bright and paper dark, as for drawings on white.

    Raises:
        MissingDataError: `root` is no folder.
        DatasetError: no class folders in it, or an image that cannot be read (named).
        InvalidArgumentError: channels other than 1 or 3, or a size below 1.

    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("circle", "square"):
    ...     (root / name).mkdir()
    ...     Image.new("L", (40, 40)).save(root / name / "1.png")
    >>> ImageFolder(root, size=32).examples.shape
    (2, 1, 32, 32)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        size: int = 28,
        channels: int = 1,
        invert: bool = False,
    ) -> None:
        folder = Path(root)
        size = whole_number("size", size)
        if channels not in (1, 3):
            raise InvalidArgumentError(f"channels must be 1 or 3, not {channels!r}")
        if not folder.is_dir():
            raise MissingDataError(f"there is no folder {folder}")
        found = class_folders(folder, _SUFFIXES)
        if not found:
            raise DatasetError(
                f"{folder} has no class folders: expected one folder a class, with "
                f"images ({', '.join(sorted(_SUFFIXES))}) in it"
            )
        counts = [len(files) for files in found.values()]
        examples = np.empty((sum(counts), channels, size, size), np.uint8)
        row = 0
        for files in found.values():
            for file in files:
                image = decode(file.read_bytes(), str(file))
                examples[row] = pixels(image, size, channels)
                row += 1
        if invert:
            np.subtract(255, examples, out=examples)
        super().__init__(folder.name, list(found), examples, counts)
