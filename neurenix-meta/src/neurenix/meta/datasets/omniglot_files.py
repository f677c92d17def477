"""Omniglot's files: the official archives, or the same folders unpacked."""

from __future__ import annotations

import hashlib
import lzma
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import DatasetError

from .base import MissingDataError
from .found_images import find_images, fingerprint
from .images import decode, read

if TYPE_CHECKING:
    from PIL.Image import Image

DRAWERS = 20
_SIDE = 105
_ORIGIN = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
# What zipfile raises on damaged archives: RuntimeError (also as NotImplementedError)
# where the damage looks like encryption, or like another way to compress.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Part:
    """One of the two official archives, and what it holds."""

    name: str
    alphabets: int
    characters: int
    md5: str

    def missing(self, root: Path, cause: str = "") -> MissingDataError:
        """The error that says what to put where."""
        return MissingDataError(
            f"Omniglot is not at hand: neither {self.name}.zip nor a folder "
            f"{self.name} is in {root / 'omniglot'} or in {root}.{cause} Put "
            f"images_background.zip and images_evaluation.zip (from {_ORIGIN}) into "
            f"{root / 'omniglot'}, or name the folder that holds omniglot/ with root= "
            "or the environment variable NEURENIX_DATA, or pass download=True. "
            "Glyphs() needs no files."
        )


RELEASE = {
    "images_background": Part(
        "images_background", 30, 964, "68d2efa1b9178cc56df9314c21c6e718"
    ),
    "images_evaluation": Part(
        "images_evaluation", 20, 659, "6b91aef0f799c5bb55b94e3f2daec811"
    ),
}


class Source:
    """Where a part was found: an archive or a folder, read the same way."""

    def __init__(self, path: Path, part: Part) -> None:
        self.path, self.part = path, part
        self._zipped = path.suffix == ".zip"

    def fingerprint(self) -> str:
        """Changes when the drawings do: an archive's digest, or its files' dates."""
        if self._zipped:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        classes = find_images(self.path, {".png"}).classes
        return fingerprint(file for files in classes.values() for file in files)

    def characters(self) -> dict[str, list[str]]:
        """Each character's drawings by file name, if the counts are the release's."""
        found = self._archived() if self._zipped else self._unpacked()
        alphabets = len({name.split("/")[0] for name in found})
        drawings = sum(len(files) for files in found.values())
        part = self.part
        held = (alphabets, len(found), drawings)
        official = (part.alphabets, part.characters, part.characters * DRAWERS)
        uneven = [name for name, files in found.items() if len(files) != DRAWERS]
        if held != official or uneven:
            detail = ""
            if uneven:
                count = len(found[uneven[0]])
                detail = f"; {uneven[0]} has {count} drawings instead of {DRAWERS}"
            raise DatasetError(
                f"{self.path} is not the whole of Omniglot's {part.name}: it holds "
                f"{held[0]} alphabets, {held[1]} characters and {held[2]} drawings; "
                f"the official release has {official[0]}, {official[1]} and "
                f"{official[2]}{detail}"
            )
        return found

    def ink(self, characters: dict[str, list[str]]) -> NDArray[np.bool_]:
        """The drawings as bool [drawings, 105, 105], True where there is ink."""
        names = [name for files in characters.values() for name in files]
        drawn = np.empty((len(names), _SIDE, _SIDE), np.bool_)
        if not self._zipped:
            for row, name in enumerate(names):
                drawn[row] = _ink(read(self.path / name), self.path / name)
            return drawn
        with zipfile.ZipFile(self.path) as archive:
            for row, name in enumerate(names):
                try:
                    content = archive.read(name)
                except _DAMAGE as error:
                    raise DatasetError(
                        f"{self.path} is damaged at {name}: {error}"
                    ) from error
                drawn[row] = _ink(
                    decode(content, str(self.path / name)), self.path / name
                )
        return drawn

    def _archived(self) -> dict[str, list[str]]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = sorted(archive.namelist())
        except _DAMAGE as error:
            raise DatasetError(
                f"{self.path} is not a readable zip archive: {error}"
            ) from error
        form = re.compile(re.escape(self.part.name) + r"/([^/]+/[^/]+)/[^/.]+\.png")
        found: dict[str, list[str]] = {}
        for name in names:
            if match := form.fullmatch(name):
                found.setdefault(match[1], []).append(name)
        return found

    def _unpacked(self) -> dict[str, list[str]]:
        folders = find_images(self.path, {".png"}).classes
        return {
            name: [file.relative_to(self.path).as_posix() for file in files]
            for name, files in folders.items()
        }


def _ink(image: Image, file: Path) -> NDArray[np.bool_]:
    if image.size != (_SIDE, _SIDE):
        raise DatasetError(
            f"{file} has {image.size[0]} × {image.size[1]} pixels; Omniglot's drawings "
            f"have {_SIDE} × {_SIDE}"
        )
    return np.asarray(image.convert("L")) < 128


def locate(root: Path, part: Part) -> Source | None:
    """The part in `root/omniglot` or in `root`, as an archive or as a folder."""
    for folder in (root / "omniglot", root):
        for path in (folder / f"{part.name}.zip", folder / part.name):
            if path.exists():
                return Source(path, part)
    return None


def download(root: Path, part: Part) -> Source:
    """Fetches the official archive into `root/omniglot`; its digest is checked."""
    try:
        import pooch
    except ImportError as error:
        cause = f" Downloading needs pooch ({error}): pip install pooch."
        raise part.missing(root, cause) from error
    try:
        file = pooch.retrieve(
            f"{_ORIGIN}/{part.name}.zip",
            known_hash=f"md5:{part.md5}",
            fname=f"{part.name}.zip",
            path=root / "omniglot",
        )
    except (OSError, ValueError) as error:
        # No network, a folder that cannot be written, or a digest that is not official.
        raise part.missing(root, f" It could not be downloaded: {error}.") from error
    return Source(Path(file), part)
