"""A folder of class folders as a data set."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from neurenix.arguments import whole
from neurenix.errors import DatasetError, InvalidArgumentError

from .base import ClassDataset, MissingDataError
from .found_images import FoundImages, find_images
from .images import pixels, read

SUFFIXES = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip


class ImageFolder(ClassDataset):
    """Images in one folder a class, at any depth: `root/alphabet/letter/01.png`.

    Every folder that holds images is a class, named by its path from `root`. Images
    become uint8 [total, channels, size, size], upright as their EXIF data say; an image
    that is not square is stretched. Files that are no images by their suffix are passed
    over, and so are hidden ones. Links are followed, each folder once. A warning names
    the folders that hold no images, links to a folder that is there already, and images
    that are in no class folder.

    `files` has the path of each example, so that `files[sampler.indices(i).support]`,
    [ways, shots], are those that task i adapts to.

    Args:
        root: the folder of class folders.
        size: the side that images are resized to (Lanczos).
        channels: 1 for grey, 3 for red, green and blue.
        invert: make ink bright and paper dark, as for drawings on white.

    Raises:
        MissingDataError: `root` is no folder.
        DatasetError: no class folders in it, a folder or an image that cannot be read,
            or a link to an image that is not there (named).
        InvalidArgumentError: channels other than 1 or 3, or a size below 1.

    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("circle", "square"):
    ...     (root / name).mkdir()
    ...     Image.new("L", (40, 40)).save(root / name / "1.png")
    >>> shapes = ImageFolder(root, size=32)
    >>> shapes.examples.shape
    (2, 1, 32, 32)
    >>> [pathlib.Path(file).name for file in shapes.files]
    ['1.png', '1.png']
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
        size = whole("ImageFolder", "size", size, 1)
        if channels not in (1, 3):
            raise InvalidArgumentError(f"channels must be 1 or 3, not {channels!r}")
        if not folder.is_dir():
            raise MissingDataError(f"there is no folder {folder}")
        found = find_images(folder, SUFFIXES)
        if not found.classes:
            raise DatasetError(
                f"{folder} has no class folders: expected one folder a class, with "
                f"images ({', '.join(sorted(SUFFIXES))}) in it"
            )
        files = [file for images in found.classes.values() for file in images]
        examples = np.empty((len(files), channels, size, size), np.uint8)
        for row, file in enumerate(files):
            examples[row] = pixels(read(file), size, channels)
        if invert:
            np.subtract(255, examples, out=examples)
        counts = [len(images) for images in found.classes.values()]
        super().__init__(
            folder.resolve().name, list(found.classes), examples, counts, files=files
        )
        left = left_out(folder, found)
        if left:
            warnings.warn(left, stacklevel=2)


def left_out(folder: Path, found: FoundImages) -> str:
    """What lies in the folder and is in no class, for a warning; empty for nothing."""
    without = [
        f"{name!r} ({', '.join(suffixes)})" if suffixes else repr(name)
        for name, suffixes in found.without_images.items()
    ]
    links = [repr(name) for name in found.repeated_links]
    loose = [repr(file.name) for file in found.loose]
    parts = [
        f"{what} {', '.join(names[:3])}"
        + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        for what, names in (
            ("folders without images:", without),
            ("links to folders that are read already:", links),
            ("images in no class folder:", loose),
        )
        if names
    ]
    if not parts:
        return ""
    return (
        f"{folder}: left out are {'; '.join(parts)}. Expected one folder a class, "
        f"with images ({', '.join(sorted(SUFFIXES))}) in it"
    )
