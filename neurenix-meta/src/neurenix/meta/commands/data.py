"""The data sets that the command line knows by name, and folders of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from neurenix.errors import CommandLineError

from ..datasets import (
    CIFARFS,
    CUB200,
    FC100,
    ClassDataset,
    Glyphs,
    ImageFolder,
    MiniImageNet,
    Omniglot,
)
from ..datasets.folders import SUFFIXES
from ..datasets.preprocess import Preprocess

PARTS = ("train", "validation", "test")
# Of Glyphs: numbers of characters, none of them in two parts.
_GLYPHS = {"train": range(1000), "validation": range(1000, 1172)}
_GLYPHS["test"] = range(1172, 1595)


class Images(NamedTuple):
    """How images are to be read; 0: as the data set has them. `unreadable`: "refuse"
    or "skip" those of folders that cannot be read."""

    size: int = 0
    channels: int = 0
    invert: bool = False
    unreadable: str = "refuse"


class Named(NamedTuple):
    """A data set: how a part of it is made, its sides and channels, and whether its ink
    is bright, as a photograph of a drawing has to be inverted for."""

    make: Callable[[str, int], ClassDataset]
    size: int
    channels: int
    sizes: bool = True
    bright_ink: bool = False


DATA: Mapping[str, Named] = MappingProxyType(
    {
        "glyphs": Named(
            lambda part, size: Glyphs(_GLYPHS[part], size=size), 28, 1, True, True
        ),
        "omniglot": Named(
            lambda part, size: Omniglot(
                split=part,  # type: ignore[arg-type]
                rotations=part == "train",
                size=size,
            ),
            28,
            1,
            True,
            True,
        ),
        "mini-imagenet": Named(
            lambda part, size: MiniImageNet(split=part, size=size),  # type: ignore[arg-type]
            84,
            3,
        ),
        "cub-200": Named(
            lambda part, size: CUB200(split=part, size=size),  # type: ignore[arg-type]
            84,
            3,
        ),
        "cifar-fs": Named(lambda part, _: CIFARFS(split=part), 32, 3, False),  # type: ignore[arg-type]
        "fc100": Named(lambda part, _: FC100(split=part), 32, 3, False),  # type: ignore[arg-type]
    }
)


def images_of(data: str, asked: Images) -> Images:
    """Size, channels and ink of the images of a data set, or of a folder.

    Raises CommandLineError for what a data set by that name does not come in.
    """
    if data not in DATA:
        return asked._replace(size=asked.size or 28, channels=asked.channels or 3)
    named = DATA[data]
    for what, has, wanted, free in (
        ("channels", named.channels, asked.channels, False),
        ("size", named.size, asked.size, named.sizes),
    ):
        if wanted and wanted != has and not free:
            raise CommandLineError(f"{what}={wanted}: {data} has {has}")
    if asked.invert:
        raise CommandLineError(f"invert: {data} is as it should be; it is for folders")
    size = asked.size or named.size
    return Images(size, named.channels, named.bright_ink, asked.unreadable)


def part_of(data: str, part: str, images: Images) -> ClassDataset | None:
    """A part of a data set. A folder with folders named train, validation and test has
    these parts; any other is all of it the training part, and has no others (None).

    Raises CommandLineError for what is neither a name nor a folder.
    """
    if data in DATA:
        return DATA[data].make(part, images.size)
    folder = Path(data)
    if not folder.is_dir():
        raise CommandLineError(
            f"data={data!r}: neither a folder nor one of {', '.join(DATA)}"
        )
    parts = [name for name in PARTS if has_classes(folder / name)]
    if "train" in parts:
        folder = folder / part
        if part not in parts:
            return None
    elif part != "train":
        return None
    return read_folder(folder, images)


def lasting(data: str) -> str:
    """The name of a data set, or a folder's from wherever one stands."""
    return data if data in DATA or not data else str(Path(data).resolve())


def read_folder(folder: Path, images: Images) -> ClassDataset:
    """All classes of a folder of class folders."""
    return ImageFolder(
        folder,
        size=images.size,
        channels=images.channels,
        invert=images.invert,
        unreadable=images.unreadable,
    )


def has_classes(folder: Path) -> bool:
    """Whether it holds folders with images."""
    return folder.is_dir() and any(
        file.suffix.lower() in SUFFIXES for file in folder.glob("*/*")
    )


def preprocess_of(data: str, images: Images, fit: str | None) -> Preprocess:
    """How an image is prepared for an embedding that was trained on this data: as the
    data set's were, and `fit` for images that are no squares. Without one, folders are
    stretched, as they were for training."""
    chosen = fit or ("crop" if data in DATA else "stretch")
    return Preprocess(images.size, images.channels, fit=chosen, invert=images.invert)
