"""CIFAR-FS and FC100: CIFAR-100's 60,000 images, split by class and by superclass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import DatasetError

from .base import ClassDataset
from .cache import data_root
from .image_files import Release, Split, class_names, load_images

_FOLDER = "cifar-100-binary"
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
# In the official release, of each class: 500 in train.bin and 100 in test.bin.
IMAGES = 600
_LAYOUT = (
    "Unpack the official archive cifar-100-binary.tar.gz there, so that it holds "
    "train.bin, test.bin, fine_label_names.txt and coarse_label_names.txt (the Python "
    "version is pickled, which can run code, and is not read)."
)
CIFAR_FS_FOLDERS = Release(
    "CIFAR-FS",
    ("cifar-fs", "cifar_fs", "CIFAR-FS"),
    IMAGES,
    "It holds a folder a class (apple/), as in cifar100/data/ of Bertinetto et al.; or "
    f"{_FOLDER}/ lies beside it. " + _LAYOUT,
)


class _Cifar100(NamedTuple):
    """Images uint8 [n, 3, 32, 32] with their class and superclass [n], and names."""

    images: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    coarse: NDArray[np.uint8]
    fine_names: list[str]
    coarse_names: list[str]


class CIFARFS(ClassDataset):
    """CIFAR-FS as uint8 [total, 3, 32, 32]: 600 images of each class.

    Args:
        root: the folder that holds `cifar-100-binary/`, the official archive unpacked,
            or `cifar-fs/`, with a folder of images a class at any depth; without it
            `NEURENIX_DATA` names it, and without that the user's cache folder serves.
        split: "train" (64 classes), "validation" (16), "test" (20) or "all".

    Raises:
        MissingDataError: neither is there; it says what to put where.
        DatasetError: files that are damaged or incomplete (named).
        InvalidArgumentError: an unknown split.

    Source: Bertinetto et al. (2019), arXiv:1805.08136.
    """

    def __init__(
        self, root: str | os.PathLike[str] | None = None, split: Split = "train"
    ) -> None:
        where = data_root(root)
        files = None
        classes = class_names("cifar_fs", "bertinetto", split)
        if (where / _FOLDER).is_dir():
            cifar = _read(where / _FOLDER)
            examples, counts = _chosen(cifar, list(classes), where / _FOLDER)
        else:
            loaded = load_images(CIFAR_FS_FOLDERS, where, classes, _SIDE)
            examples, counts, files = loaded
        super().__init__(
            "CIFAR-FS", classes, examples, counts, split=split, files=files
        )


class FC100(ClassDataset):
    """FC100 as uint8 [total, 3, 32, 32]: parts share no superclass, so that what is
    learned has further to go than in CIFAR-FS.

    Args:
        root: the folder that holds `cifar-100-binary/`, the official archive unpacked;
            without it as in `CIFARFS`.
        split: "train" (60 classes), "validation" (20), "test" (20) or "all".

    Raises what `CIFARFS` raises.

    Source: Oreshkin, Rodríguez López and Lacoste (2018), arXiv:1805.10123.
    """

    def __init__(
        self, root: str | os.PathLike[str] | None = None, split: Split = "train"
    ) -> None:
        superclasses = class_names("fc100", "oreshkin", split)
        folder = Release("FC100", (_FOLDER,), IMAGES, _LAYOUT).folder(data_root(root))
        cifar = _read(folder)
        classes = []
        for name in superclasses:
            members = np.unique(cifar.fine[cifar.coarse == _index(cifar, name, folder)])
            classes += [cifar.fine_names[c] for c in members]
        examples, counts = _chosen(cifar, classes, folder)
        super().__init__("FC100", classes, examples, counts, split=split)


def _read(folder: Path) -> _Cifar100:
    """Both files: records of a superclass, a class, and the pixels by channel."""
    names = [
        _bytes(folder / f"{kind}_label_names.txt").decode("utf-8", "replace").split()
        for kind in ("fine", "coarse")
    ]
    parts = []
    for file in (folder / "train.bin", folder / "test.bin"):
        content = _bytes(file)
        if not content or len(content) % (2 + _PIXELS):
            raise DatasetError(
                f"{file} has {len(content)} bytes, which are no whole records of "
                f"{2 + _PIXELS}: it is damaged, or no CIFAR-100 in binary"
            )
        parts.append(np.frombuffer(content, np.uint8).reshape(-1, 2 + _PIXELS))
    records = np.concatenate(parts)
    coarse, fine = records[:, 0], records[:, 1]
    if fine.max() >= len(names[0]) or coarse.max() >= len(names[1]):
        raise DatasetError(
            f"{folder} has the labels {fine.max()} and {coarse.max()}, and names for "
            f"{len(names[0])} classes and {len(names[1])} superclasses"
        )
    images = records[:, 2:].reshape(-1, 3, _SIDE, _SIDE)
    return _Cifar100(images, fine, coarse, names[0], names[1])


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{file} cannot be read ({error.strerror or error}). {_LAYOUT}"
        ) from error


def _index(cifar: _Cifar100, superclass: str, folder: Path) -> int:
    if superclass not in cifar.coarse_names:
        raise DatasetError(f"{folder} has no superclass {superclass!r}")
    return cifar.coarse_names.index(superclass)


def _chosen(
    cifar: _Cifar100, classes: list[str], folder: Path
) -> tuple[NDArray[Any], list[int]]:
    """The images of the classes, class after class, and how many each has."""
    chosen = []
    for name in classes:
        known = name in cifar.fine_names
        number = cifar.fine_names.index(name) if known else -1
        images = cifar.images[cifar.fine == number] if known else cifar.images[:0]
        if len(images) != IMAGES:
            raise DatasetError(
                f"{folder} has {len(images)} images of the class {name!r}; the "
                f"official release has {IMAGES}"
            )
        chosen.append(images)
    return np.concatenate(chosen), [len(images) for images in chosen]
