"""Finds the images below a folder, and whatever else lies there."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from neurenix.errors import DatasetError

_SHOWN = 3  # reasons in one message
_HIDDEN = {"desktop.ini", "thumbs.db"}  # what Windows hides beside images
# Notes and labels that lie beside images; nobody takes them for one.
_TEXTS = {
    ".csv", ".htm", ".html", ".json", ".log", ".md", ".tsv", ".txt", ".xml", ".yaml",
    ".yml",
}  # fmt: skip


@dataclass
class FoundImages:
    """What `find_images` saw below a root. Names are paths from it, with "/" between
    the parts.

    classes         the images of each folder that holds any
    without_images  folders with no image in them or below, and the suffixes of what
                    files they have
    repeated_links  links to a folder that is read already, or that holds the root
    loose           images that lie in the root itself
    others          files in class folders that are no images by their suffix; hidden
                    ones and texts are none of them
    loose_others    the same, in the root itself
    nested          folders whose images belong to the class of a folder above
    """

    classes: dict[str, list[Path]] = field(default_factory=dict)
    without_images: dict[str, list[str]] = field(default_factory=dict)
    repeated_links: list[str] = field(default_factory=list)
    loose: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    loose_others: list[Path] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)


def find_images(root: Path, suffixes: set[str]) -> FoundImages:
    """The images below `root`, folders and files in sorted order; hidden ones are left
    out.

    Links are followed, but no folder is read twice: the one of two names that is no
    link counts, else the first. So a link to a folder above ends no search, and makes
    no class again.

    Raises DatasetError, naming it, for a folder that cannot be read.
    """
    found = FoundImages()
    real_root = Path(os.path.realpath(root))
    seen: set[str] = set()
    links = [root]
    folders: dict[Path, list[Path]] = {}
    others: dict[Path, list[Path]] = {}
    while links:
        start = links.pop(0)
        real = os.path.realpath(start)
        if start != root and (real in seen or real_root.is_relative_to(real)):
            found.repeated_links.append(start.relative_to(root).as_posix())
            continue
        # Links wait until all that is no link has been seen.
        for folder, images, rest, below in _without_links(start, suffixes, seen):
            folders[folder], others[folder] = images, rest
            links += below
    for folder, images in sorted(folders.items()):
        if folder == root:
            found.loose, found.loose_others = images, others[folder]
        elif images:
            found.classes[folder.relative_to(root).as_posix()] = images
            found.others += others[folder]
    holding = {
        above for f, images in folders.items() if images for above in (f, *f.parents)
    }
    for folder in sorted(folders):
        above = folder.parent
        if folder != root and folder not in holding and above in {root, *holding}:
            name = folder.relative_to(root).as_posix()
            found.without_images[name] = _suffixes_in(folder)
    found.classes = dict(sorted(found.classes.items()))
    return found


def find_classes(root: Path, suffixes: set[str]) -> FoundImages:
    """As `find_images`, of a folder of classes: where a folder holds images, those in
    folders below it are of its class, too. Folders that hold folders alone make none.

    Raises what `find_images` raises.
    """
    found = find_images(root, suffixes)
    classes: dict[str, list[Path]] = {}
    for name, images in found.classes.items():
        above = [p.as_posix() for p in PurePosixPath(name).parents]
        # The farthest is the last.
        label = next((p for p in reversed(above) if p in found.classes), name)
        if label != name:
            found.nested.append(name)
        # Sorted names have a folder before those in it.
        classes.setdefault(label, []).extend(images)
    found.classes = classes
    return found


def _without_links(
    start: Path, suffixes: set[str], seen: set[str]
) -> list[tuple[Path, list[Path], list[Path], list[Path]]]:
    """Each folder from `start` down that is not seen yet, its images, its other files,
    and the links to folders in it."""
    rows = []
    for name, below, files in os.walk(start, onerror=_refuse):
        here = Path(name)
        seen.add(os.path.realpath(here))
        shown = sorted(n for n in below if not n.startswith("."))
        links = [here / n for n in shown if (here / n).is_symlink()]
        below[:] = [
            n
            for n in shown
            if here / n not in links and os.path.realpath(here / n) not in seen
        ]
        there = [
            here / n
            for n in sorted(files)
            if not n.startswith(".") and n.lower() not in _HIDDEN
        ]
        images = [file for file in there if file.suffix.lower() in suffixes]
        passed = suffixes | _TEXTS
        others = [file for file in there if file.suffix.lower() not in passed]
        rows.append((here, images, others, links))
    return rows


def _suffixes_in(folder: Path) -> list[str]:
    return sorted(
        {Path(name).suffix.lower() for _, _, files in os.walk(folder) for name in files}
        - {""}
    )


def _refuse(error: OSError) -> None:
    raise unreadable(error.filename, error) from error


def unreadable(file: str | Path, error: OSError) -> DatasetError:
    """The error for a file or folder that the system refuses."""
    if isinstance(error, FileNotFoundError) and os.path.islink(file):
        return DatasetError(
            f"{file} is a link to what is not there; put it right or delete it"
        )
    return DatasetError(f"{file} cannot be read: {error.strerror or error}")


def said_of_skipped(skipped: list[str], total: int) -> str:
    """What a warning says of images that were left out, with the reason for each of the
    first; empty for none.

    >>> said_of_skipped(["a.png is empty"], 9)
    '1 of 9 images are skipped: a.png is empty'
    """
    if not skipped:
        return ""
    more = len(skipped) - _SHOWN
    return (
        f"{len(skipped)} of {total} images are skipped: "
        + "; ".join(skipped[:_SHOWN])
        + (f"; and {more} more" if more > 0 else "")
    )


def said_of_others(files: Sequence[Path]) -> str:
    """How many files of each suffix are passed over, with the first one's name; empty
    for none.

    >>> said_of_others([Path("cat/1.HEIC"), Path("dog/2.heic"), Path("dog/3")])
    "files of other types: 2 .heic ('cat/1.HEIC', …), 1 without suffix ('dog/3')"
    """
    by_suffix: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        by_suffix[file.suffix.lower()].append(file)
    kinds = [
        f"{len(some)} {suffix or 'without suffix'} "
        f"('{some[0].parent.name}/{some[0].name}'{', …' if len(some) > 1 else ''})"
        for suffix, some in by_suffix.items()
    ]
    return f"files of other types: {', '.join(kinds)}" if kinds else ""


def fingerprint(files: Iterable[Path]) -> str:
    """Changes when the files do, as far as their names, sizes and dates tell.

    Raises DatasetError, naming it, for a file that is not there.
    """
    listing = hashlib.sha256()
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise unreadable(file, error) from error
        entry = f"{file} {status.st_size} {status.st_mtime_ns}\n"
        listing.update(entry.encode("utf-8", "surrogateescape"))
    return listing.hexdigest()
