"""A folder of class folders as a data set."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import flag, whole
from neurenix.errors import DatasetError, InvalidArgumentError

from .base import ClassDataset, MissingDataError
from .found_images import FoundImages, find_classes, said_of_others, said_of_skipped
from .on_demand import Examples, ImagesOnDemand
from .preprocess import Preprocess

SUFFIXES = {
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif",
    ".tiff", ".webp",
}  # fmt: skip


class ImageFolder(ClassDataset):
    """Images in one folder a class, at any depth: `root/alphabet/letter/01.png`.

    Every folder that holds images is a class, named by its path from `root`, with the
    images of folders below it; folders that hold folders alone, as alphabets hold
    letters, are none. Images become uint8 [total, channels, size, size], upright as
    their EXIF data say, 16 bits of grey as 8; an image that is not square is stretched,
    unless `preprocess` says otherwise. Hidden files are passed over. Links are
    followed, each folder once. A warning names files in class folders that are no
    images by their suffix (texts aside), folders below a class that count as part of
    it, folders that hold no images, links to a folder that is there already, and images
    that are in no class folder.

    `files` has the path of each example, so that `files[sampler.indices(i).support]`,
    [ways, shots], are those that task i adapts to.

    Args:
        root: the folder of class folders.
        size: the side that images are resized to (Lanczos).
        channels: 1 for grey, 3 for red, green and blue.
        invert: make ink bright and paper dark, as for drawings on white.
        preprocess: what becomes of images, in place of these three: what is trained on
            them is then given to `Classifier` with the same one. Its mean is 0 and its
            std 1, for images are kept as bytes.
        lazy: keep no images: those of a batch of tasks are read when its turn comes,
            for sets that are larger than memory. An image that cannot be read is
            refused then.
        unreadable: "refuse" images that cannot be read, or "skip" them; one warning
            says how many, and names them.

    Raises:
        MissingDataError: `root` is no folder.
        DatasetError: no class folders in it, a folder or an image that cannot be read,
            a link to an image that is not there (named), or a class of which no image
            can be read.
        InvalidArgumentError: channels other than 1 or 3, a size below 1, or settings
            that exclude each other.

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
        preprocess: Preprocess | None = None,
        lazy: bool = False,
        unreadable: str = "refuse",
    ) -> None:
        folder = Path(root)
        how = _preprocess(size, channels, invert, preprocess)
        if unreadable not in ("refuse", "skip"):
            raise InvalidArgumentError(
                f"ImageFolder: unreadable={unreadable!r}; expected 'refuse' or 'skip'"
            )
        if flag("ImageFolder", "lazy", lazy) and unreadable == "skip":
            raise InvalidArgumentError(
                "ImageFolder: unreadable='skip' with lazy=True: which images cannot be "
                "read is only known when they are; leave one of them out"
            )
        if not folder.is_dir():
            raise MissingDataError(f"there is no folder {folder}")
        found = find_classes(folder, SUFFIXES)
        if not found.classes:
            raise DatasetError(
                f"{folder} has no class folders: expected one folder a class, with "
                f"images ({', '.join(sorted(SUFFIXES))}) in it"
            )
        shape = (how.channels, how.size, how.size)
        skipped: list[str] = []
        examples: Examples
        if lazy:
            files = [file for images in found.classes.values() for file in images]
            examples = ImagesOnDemand(files, shape, how.pixels)
        else:
            examples = _read(
                found, shape, how, skipped if unreadable == "skip" else None
            )
            files = [file for images in found.classes.values() for file in images]
        super().__init__(
            folder.resolve().name,
            list(found.classes),
            examples,
            [len(images) for images in found.classes.values()],
            files=files,
        )
        parts = [
            left_out(folder, found),
            said_of_skipped(skipped, len(skipped) + len(files)),
        ]
        if any(parts):
            warnings.warn(" ".join(part for part in parts if part), stacklevel=2)


def _preprocess(
    size: int, channels: int, invert: bool, given: Preprocess | None
) -> Preprocess:
    if given is None:
        size = whole("ImageFolder", "size", size, 1)
        if channels not in (1, 3):
            raise InvalidArgumentError(f"channels must be 1 or 3, not {channels!r}")
        return Preprocess(size, channels, fit="stretch", invert=invert)
    if not isinstance(given, Preprocess):
        raise InvalidArgumentError(
            f"ImageFolder: preprocess is a {type(given).__name__}; expected a "
            "Preprocess"
        )
    if (size, channels, invert) != (28, 1, False):
        raise InvalidArgumentError(
            "ImageFolder: size, channels and invert are the preprocess's where there "
            "is one"
        )
    if not given.keeps_range:
        raise InvalidArgumentError(
            f"ImageFolder: a preprocess with mean={given.mean} and std={given.std}; "
            "images are kept as bytes, so expected 0 and 1"
        )
    return given


def _read(
    found: FoundImages,
    shape: tuple[int, int, int],
    how: Preprocess,
    skipped: list[str] | None,
) -> NDArray[np.uint8]:
    """All images, class after class. Where there is a list for them, those that cannot
    be read are left out of `found`."""
    examples = np.empty((sum(map(len, found.classes.values())), *shape), np.uint8)
    row = 0
    for label, files in found.classes.items():
        there = []
        for file in files:
            try:
                examples[row] = how.pixels(file)
            except DatasetError as error:
                if skipped is None:
                    raise
                skipped.append(str(error))
            else:
                there.append(file)
                row += 1
        if not there:
            raise DatasetError(
                f"class {label!r}: none of its {len(files)} images can be read"
            )
        found.classes[label] = there
    return examples[:row]


def left_out(folder: Path, found: FoundImages) -> str:
    """What lies in the folder and is in no class, or not in the one that it may be
    meant for; for a warning; empty for nothing."""
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
    if found.others:
        parts.append(said_of_others(found.others))
    said = []
    if parts:
        said.append(
            f"{folder}: left out are {'; '.join(parts)}. Expected one folder a class, "
            f"with images ({', '.join(sorted(SUFFIXES))}) in it"
        )
    if found.nested:
        more = len(found.nested) - 3
        said.append(
            f"{folder}: images in folders below a class are of that class: "
            + ", ".join(map(repr, found.nested[:3]))
            + (f" and {more} more" if more > 0 else "")
            + ". Where they are classes, put no images in the folder above"
        )
    return ". ".join(said)
