"""Writes a folder as a whole: what was there goes once the new one is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import StorageError


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Writes the files beside the path, and puts their folder in its place.

    Raises StorageError for a path that cannot be written.
    """
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            made.chmod(0o755)
            for name, content in contents.items():
                (made / name).parent.mkdir(exist_ok=True)
                (made / name).write_bytes(content)
            _replace(path, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StorageError(f"export: cannot write {str(path)!r}: {error}") from error


def check_nothing_else(path: Path, is_ours: Callable[[str], bool]) -> None:
    """Raises StorageError for a folder with files that are no part of an artefact."""
    found = (p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
    others = sorted(name for name in found if not is_ours(name))
    if others:
        named = ", ".join(others[:3] + ["…"] * (len(others) > 3))
        raise StorageError(
            f"export: the artefact {str(path)!r} would be replaced, and in its folder "
            f"lies what is no part of one: {named}; move it elsewhere, or choose "
            "another path"
        )


def _replace(path: Path, made: Path) -> None:
    if not path.exists():
        made.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent)) / path.name
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old.parent)
