"""Decoded data sets, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def cache_folder() -> Path:
    """The cache folder of the user for Neurenix, by platform; not made here."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "neurenix"


def data_root(root: str | os.PathLike[str] | None) -> Path:
    """The folder that holds one folder a data set: `root`, or NEURENIX_DATA, or one in
    the user's cache."""
    if root is None:
        root = os.environ.get("NEURENIX_DATA") or cache_folder() / "data"
    return Path(root)


def cached(name: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays that `make` makes, from a file if they were made before.

    Args:
        name: the start of the file's name.
        key: all that the arrays depend on, as text.
        make: makes them, when no file holds them.

    A file that cannot be read is made again; where none can be written a warning says
    so, and the arrays are made each time.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = cache_folder() / "datasets" / f"{name}-{digest}.npz"
    if path.is_file():
        # A damaged file is as good as none: it is made again and replaced.
        damaged = (OSError, ValueError, EOFError, zipfile.BadZipFile)
        with contextlib.suppress(*damaged), path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {entry: stored[entry] for entry in stored.files}
    arrays = make()
    try:
        _write(path, arrays)
    except OSError as error:
        warnings.warn(
            f"{name} is not kept for the next time: {path.parent} cannot be written "
            f"({error.strerror or error})",
            RuntimeWarning,
            stacklevel=2,
        )
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    """Writes the whole file or none: readers in other processes never see half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
