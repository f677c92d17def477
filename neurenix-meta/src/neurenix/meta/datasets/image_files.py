"""miniImageNet and CUB-200: benchmarks that are files of images, a class each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import DatasetError, InvalidArgumentError

from .base import ClassDataset, MissingDataError
from .cache import Arrays, cached, data_root
from .found_images import find_images, fingerprint
from .images import pixels, read
from .splits import load_split

Split = Literal["train", "validation", "test", "all"]
_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Release:
    """A benchmark's files.

    name        how messages call it
    folders     below the root, in any of which its images may lie
    images      how many a class has in the official release; None: not all the same
    layout      what to put where, for the error that says so
    prefix      whether a file may tell its class by the start of its name
    """

    name: str
    folders: tuple[str, ...]
    images: int | None
    layout: str
    prefix: bool = False

    def folder(self, root: Path) -> Path:
        """Where it lies, or MissingDataError, which says what to put where."""
        for name in self.folders:
            if (root / name).is_dir():
                return root / name
        raise MissingDataError(
            f"{self.name} is not at hand: there is no folder {self.folders[0]} in "
            f"{root}. {self.layout} Name the folder that holds {self.folders[0]}/ with "
            "root= or the environment variable NEURENIX_DATA."
        )

    def find(self, folder: Path, classes: Sequence[str]) -> dict[str, list[Path]]:
        """Each class's images, in sorted order, anywhere below the folder."""
        found: dict[str, list[Path]] = {name: [] for name in classes}
        there = find_images(folder, _SUFFIXES)
        for file in chain(there.loose, *there.classes.values()):
            label = file.parent.name
            if self.prefix and label not in found:
                label = file.name[: len(classes[0])]
            if label in found:
                found[label].append(file)
        for label, images in found.items():
            if not images:
                missing = sum(not others for others in found.values())
                raise DatasetError(
                    f"{folder} has no images of {self.name}'s class {label!r} "
                    f"({missing} of {len(classes)} classes are missing). {self.layout}"
                )
            if self.images is not None and len(images) != self.images:
                raise DatasetError(
                    f"{folder} has {len(images)} images of {self.name}'s class "
                    f"{label!r}; the official release has {self.images}"
                )
        return found


def class_names(dataset: str, name: str, split: str) -> tuple[str, ...]:
    """The classes of a part of a split; of "all", those of its parts in order."""
    parts = load_split(dataset, name)
    if split == "all":
        return tuple(c for classes in parts.values() for c in classes)
    if split not in parts:
        raise InvalidArgumentError(
            f'split={split!r} of {dataset}; there is "train", "validation", "test" and '
            '"all"'
        )
    return parts[split]


class Images(NamedTuple):
    """uint8 [total, 3, size, size] class after class, how many each class has, and
    where each image lies."""

    examples: NDArray[np.uint8]
    counts: list[int]
    files: list[Path]


def load_images(
    release: Release, root: Path, classes: Sequence[str], size: int
) -> Images:
    """The images of these classes, square, from the cache if they were read before."""
    found = release.find(release.folder(root), classes)
    files = [file for images in found.values() for file in images]

    def make() -> Arrays:
        examples = np.empty((len(files), 3, size, size), np.uint8)
        for row, file in enumerate(files):
            examples[row] = pixels(read(file), size, 3)
        return {"examples": examples}

    key = f"lanczos, upright {size} {fingerprint(files)}"
    examples = cached(release.folders[0], key, make)["examples"]
    return Images(examples, [len(images) for images in found.values()], files)


MINI_IMAGENET = Release(
    "miniImageNet",
    ("miniimagenet", "mini-imagenet", "mini_imagenet"),
    600,
    "Put its 60,000 images into miniimagenet/: either all in miniimagenet/images/, "
    "named n0153282900000005.jpg and so on, as Ravi and Larochelle's lists have them, "
    "or in a folder a class (n01532829/), also below train/, val/ and test/. They come "
    "from ImageNet, whose terms allow no download from here.",
    prefix=True,
)
CUB = Release(
    "CUB-200",
    ("CUB_200_2011", "cub_200_2011", "cub_200"),
    None,
    "Unpack the official archive CUB_200_2011.tgz there, so that images lie in "
    "CUB_200_2011/images/001.Black_footed_Albatross/ and so on.",
)


class MiniImageNet(ClassDataset):
    """miniImageNet as uint8 [total, 3, size, size]: 600 images of each class.

    Args:
        root: the folder that holds `miniimagenet/`; without it `NEURENIX_DATA` names
            it, and without that the user's cache folder serves. The images lie in
            `miniimagenet/images/`, each named by its class's WordNet number first, or
            in a folder a class, at any depth.
        split: "train" (64 classes), "validation" (16), "test" (20) or "all"; the split
            is Ravi and Larochelle's.
        size: the side that images are resized to (Lanczos).

    Raises:
        MissingDataError: no such folder; it says what to put where.
        DatasetError: a class that is not there or has not 600 images, or an image that
            cannot be read (named).
        InvalidArgumentError: an unknown split, or a size below 1.

    Source: Vinyals et al. (2016), arXiv:1606.04080; the split of Ravi and Larochelle
    (2017), Optimization as a Model for Few-Shot Learning.

    Example: `MiniImageNet(split="test")` has 20 classes of 600 images [3, 84, 84].
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: Split = "train",
        *,
        size: int = 84,
    ) -> None:
        size = whole("MiniImageNet", "size", size, 1)
        classes = class_names("miniimagenet", "ravi", split)
        loaded = load_images(MINI_IMAGENET, data_root(root), classes, size)
        super().__init__(
            "miniImageNet",
            classes,
            loaded.examples,
            loaded.counts,
            split=split,
            files=loaded.files,
        )


class CUB200(ClassDataset):
    """Caltech-UCSD Birds 200-2011 as uint8 [total, 3, size, size]: 41 to 60 images of
    each bird, whole and not cropped.

    Args:
        root: the folder that holds `CUB_200_2011/`, which is the official archive
            unpacked; without it as in `MiniImageNet`.
        split: "train" (100 classes), "validation" (50), "test" (50) or "all"; the split
            is Chen et al.'s.
        size: the side that images are resized to (Lanczos).

    Raises what `MiniImageNet` raises.

    Source: Wah et al. (2011), The Caltech-UCSD Birds-200-2011 Dataset; the split of
    Chen et al. (2019), arXiv:1904.04232.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: Split = "train",
        *,
        size: int = 84,
    ) -> None:
        size = whole("CUB200", "size", size, 1)
        classes = class_names("cub_200", "chen", split)
        loaded = load_images(CUB, data_root(root), classes, size)
        super().__init__(
            "CUB-200",
            classes,
            loaded.examples,
            loaded.counts,
            split=split,
            files=loaded.files,
        )
