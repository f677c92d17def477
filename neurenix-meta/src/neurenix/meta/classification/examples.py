"""Examples: what a user gives to learn from or to classify, as single images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurenix.errors import DatasetError, InvalidArgumentError, ShapeError
from neurenix.tensor import Tensor

from ..datasets.base import MissingDataError
from ..datasets.folders import SUFFIXES, left_out
from ..datasets.found_images import find_classes, find_images, said_of_others
from ..datasets.labels import plain_labels
from ..datasets.telling import warn_user
from ..wording import in_words

#: A class's name: text or a whole number. None, in an evaluation: none of the classes.
Label = str | int
#: Whatever holds images: a path, a folder, one PIL image, an array, or a list of them.
Given = Any


class Labelled(NamedTuple):
    """Each class's images; classes in the order in which the classifier has them."""

    classes: list[Label | None]
    images: list[list[object]]


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """The images in a folder and in all below it, in sorted order: so a classifier
    predicts them when it is given the folder. Hidden files are left out, and files that
    are no images by their suffix, of which a warning tells (texts aside).

    Raises DatasetError where there are none, MissingDataError for what is no folder.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("b.png", "a.png"):
    ...     Image.new("L", (8, 8)).save(folder / name)
    >>> [file.name for file in list_images(folder)]
    ['a.png', 'b.png']
    """
    others: list[Path] = []
    files = _listed(Path(os.fsdecode(folder)), others)
    _warn_of_others(others)
    return files


def _listed(root: Path, others: list[Path]) -> list[Path]:
    """As `list_images`; files of other types are added to `others`."""
    if not root.is_dir():
        raise MissingDataError(f"there is no folder {root}")
    found = find_images(root, SUFFIXES)
    others += [*found.loose_others, *found.others]
    files = [*found.loose, *(f for images in found.classes.values() for f in images)]
    if not files:
        raise DatasetError(
            f"{root} has no images ({', '.join(sorted(SUFFIXES))}), nor has any folder "
            "in it"
        )
    return sorted(files)


def _warn_of_others(others: list[Path]) -> None:
    said = said_of_others(others)
    if said:
        warn_user(f"passed over are {said}; images are {', '.join(sorted(SUFFIXES))}")


def images_of(
    given: Given,
    name: str = "images",
    *,
    pictures: bool,
    others: list[Path] | None = None,
) -> list[object]:
    """Single images: of a folder those in it, of an array those along its first axis.

    pictures   whether arrays are of pixels; else they are what an embedding reads
    others     where files of other types in a folder are added; None: a warning tells

    Raises ShapeError for an array that is one image, InvalidArgumentError for what
    holds no images.
    """
    if is_path(given):
        path = Path(os.fsdecode(given))
        if not path.is_dir():
            return [path]
        return [*(list_images(path) if others is None else _listed(path, others))]
    if isinstance(given, Tensor):
        given = given.numpy()
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "OSTU":
        given = given.tolist()  # paths, PIL images or arrays, as a list has them
    if isinstance(given, np.ndarray):
        if given.ndim < (3 if pictures else 2):
            raise ShapeError(
                f"{name}: an array of shape {given.shape}; expected "
                f"{'[n, h, w]' if pictures else '[n, ...]'}, an example each along its "
                "first axis (one alone: [example])"
            )
        if pictures and given.ndim == 3 and given.shape[2] in (1, 3, 4):
            raise ShapeError(
                f"{name}: an array of shape {given.shape} looks like one picture "
                "[h, w, c]; give [picture], or several as [n, h, w, c]"
            )
        return list(given)
    if isinstance(given, (list, tuple)):
        for item in given:
            if is_path(item) and Path(os.fsdecode(item)).is_dir():
                raise InvalidArgumentError(
                    f"{name}: {os.fsdecode(item)} is a folder; in a list expected "
                    "images, and a folder by itself"
                )
        return list(given)
    if isinstance(given, Mapping) or given is None or np.isscalar(given):
        raise InvalidArgumentError(
            f"{name}: {in_words(given)}; expected a path, a folder, a PIL image, an "
            "array or a list of them"
        )
    return [given]  # one image; what is none is refused where it is read


def labelled(
    method: str, given: Given, y: object = None, *, pictures: bool
) -> Labelled:
    """Examples by class: a folder with one folder a class, a dict of each class's
    images, or images and their labels.

    Raises InvalidArgumentError for anything else and for a class without images,
    DatasetError for a folder without class folders.
    """
    if y is not None:
        return _by_labels(method, images_of(given, method, pictures=pictures), y)
    if isinstance(given, Mapping):
        return _by_names(method, given, pictures)
    if is_path(given):
        return _of_folder(Path(os.fsdecode(given)))
    raise InvalidArgumentError(
        f"{method}: {in_words(given)} without labels; expected a folder with one "
        "folder a class, a dict of each class's images, or images and labels"
    )


def is_path(given: object) -> bool:
    return isinstance(given, (str, bytes, os.PathLike))


def plain_label(method: str, label: Any) -> Label:
    """A class's name as this room keeps it: str or int."""
    found: Label = plain_labels(method, [label]).tolist()[0]
    return found


def _of_folder(folder: Path) -> Labelled:
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}")
    found = find_classes(folder, SUFFIXES)
    if not found.classes:
        empty = not found.loose and not found.without_images
        raise DatasetError(
            f"{folder} {'is empty' if empty else 'has no class folders'}: expected one "
            f"folder a class, with images ({', '.join(sorted(SUFFIXES))}) in it"
        )
    left = left_out(folder, found)
    if left:
        warn_user(left)
    return Labelled([*found.classes], [[*files] for files in found.classes.values()])


def _by_names(method: str, given: Mapping[Any, Given], pictures: bool) -> Labelled:
    classes: list[Label | None] = []
    images: list[list[object]] = []
    others: list[Path] = []
    for label, some in given.items():
        name = None if label is None else plain_label(method, label)
        found = images_of(
            some, f"{method}: class {label!r}", pictures=pictures, others=others
        )
        if not found:
            raise InvalidArgumentError(f"{method}: class {label!r} has no images")
        classes.append(name)
        images.append(found)
    known = [label for label in classes if label is not None]
    if known:
        plain_labels(method, known)  # of one kind
    _warn_of_others(others)
    return Labelled(classes, images)


def _by_labels(method: str, images: list[object], y: object) -> Labelled:
    several: Any = y if isinstance(y, (list, tuple)) else np.asarray(y)
    if np.ndim(several) != 1:
        raise ShapeError(f"{method}: labels of shape {np.shape(several)}; expected [n]")
    known = [label for label in several if label is not None]
    names = iter(plain_labels(method, known).tolist() if known else ())
    labels = [None if label is None else next(names) for label in several]
    if len(labels) != len(images):
        raise InvalidArgumentError(
            f"{method}: {len(images)} images and {len(labels)} labels; expected one "
            "label an image"
        )
    classes: list[Label | None] = [*sorted({x for x in labels if x is not None})]
    if None in labels:
        classes.append(None)
    by_class: dict[Label | None, list[object]] = {label: [] for label in classes}
    for label, image in zip(labels, images):
        by_class[label].append(image)
    return Labelled(classes, list(by_class.values()))


def of_classes(method: str, given: Labelled) -> Labelled:
    """Refuse no classes, the class None and a class without images."""
    if not given.classes:
        raise InvalidArgumentError(f"{method}: no classes; expected one or more")
    if None in given.classes:
        raise InvalidArgumentError(
            f"{method}: the label None; examples that are of none of the classes are "
            "for calibrate and evaluate"
        )
    for label, images in zip(given.classes, given.images):
        if not images:
            raise InvalidArgumentError(f"{method}: class {label!r} has no images")
    return given
