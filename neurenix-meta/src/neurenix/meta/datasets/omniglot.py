"""Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import DatasetError, InvalidArgumentError

from .base import ClassDataset
from .cache import Arrays, cached, data_root
from .omniglot_files import DRAWERS, RELEASE, Part, download, locate
from .resample import resample
from .splits import load_split

Split = Literal["train", "validation", "test", "all"]
_LAKE = {
    "train": ("images_background",),
    "test": ("images_evaluation",),
    "all": ("images_background", "images_evaluation"),
}


class Omniglot(ClassDataset):
    """Omniglot's drawings as uint8 [total, 1, size, size], ink bright (255).

    The 105 × 105 drawings are resized with the Lanczos filter and inverted. Decoded
    drawings are kept in the user's cache folder, so that the next start is quick.

    Args:
        root: the folder that holds `omniglot/`, or that folder itself; in it the
            official archives `images_background.zip` and `images_evaluation.zip`, or
            their folders unpacked. Without it `NEURENIX_DATA` names the folder, and
            without that the user's cache folder serves.
        split: "train", "validation", "test" or "all".
        splits: "vinyals" (1028, 172 and 423 characters) or "lake" (the official
            archives: 964 to train, 659 to test, no validation).
        rotations: add each character turned by 90°, 180° and 270° (counter-clockwise)
            as three further classes, named with "@90", "@180", "@270".
        size: the side of a drawing.
        download: fetch archives that are not there, checked by the official digest.

    Raises:
        MissingDataError: nothing found or downloaded; it says what to put where.
        DatasetError: an archive or a drawing is damaged or incomplete (named).
        InvalidArgumentError: an unknown split.

    Source: Lake, Salakhutdinov and Tenenbaum (2015), Human-level concept learning
    through probabilistic program induction, Science 350(6266); MIT License.

    Example: `Omniglot(split="test")` has 423 classes of 20 drawings [1, 28, 28].
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: Split = "train",
        *,
        splits: Literal["vinyals", "lake"] = "vinyals",
        rotations: bool = False,
        size: int = 28,
        download: bool = False,
    ) -> None:
        size = whole("Omniglot", "size", size, 1)
        parts, wanted = _choose(split, splits)
        folder = data_root(root)
        loaded = [_load(folder, RELEASE[part], size, download) for part in parts]
        classes = [str(name) for part in loaded for name in part["classes"]]
        drawings = np.concatenate([part["drawings"] for part in loaded])
        if wanted is not None:
            row = {name: index for index, name in enumerate(classes)}
            drawings = drawings[[row[name] for name in wanted]]
            classes = list(wanted)
        if rotations:
            turned = [np.rot90(drawings, turns, axes=(2, 3)) for turns in range(4)]
            drawings = np.concatenate(turned)
            classes += [f"{c}@{degrees}" for degrees in (90, 180, 270) for c in classes]
        super().__init__(
            "Omniglot",
            classes,
            drawings.reshape(-1, 1, size, size),
            np.full(len(classes), DRAWERS),
            split=split,
        )


def _choose(split: str, splits: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Which archives to read, and which characters to take of them (None: all)."""
    if splits == "lake":
        if split == "validation":
            raise InvalidArgumentError(
                "Lake's split of Omniglot has no validation part; "
                'splits="vinyals" has one'
            )
        if split in _LAKE:
            return _LAKE[split], None
    elif splits == "vinyals":
        if split == "all":
            return _LAKE["all"], None
        characters = load_split("omniglot", "vinyals")
        if split in characters:
            # Its parts take characters from both archives.
            return _LAKE["all"], characters[split]
    else:
        raise InvalidArgumentError(
            f'splits={splits!r} of Omniglot; there is "vinyals" and "lake"'
        )
    raise InvalidArgumentError(
        f'split={split!r} of Omniglot; there is "train", "validation", "test" and "all"'
    )


def _load(root: Path, part: Part, size: int, may_download: bool) -> Arrays:
    """One archive: uint8 `drawings` [characters, drawers, size, size], `classes`."""
    source = locate(root, part)
    if source is None and may_download:
        source = download(root, part)
    if source is None:
        raise part.missing(root)

    def make() -> Arrays:
        characters = source.characters()
        drawn: NDArray[np.bool_] = source.ink(characters)
        small = resample(drawn, size).reshape(-1, DRAWERS, size, size)
        return {"classes": np.array(list(characters)), "drawings": small}

    key = f"lanczos {size} {source.fingerprint()}"
    arrays = cached(f"omniglot-{part.name}", key, make)
    if len(arrays["classes"]) != part.characters:
        raise DatasetError(f"{source.path}: {len(arrays['classes'])} characters")
    return arrays
