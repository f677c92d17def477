"""About: what a process is, as far as results depend on it."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import neurenix as nx
from neurenix.devices import Device
from neurenix.settings import bits_depend_on

from .messages import About


def about_here(device: Device) -> About:
    """This process, with a device of its own."""
    return About(
        nx.__version__,
        code_digest(),
        ".".join(map(str, sys.version_info[:2])),
        str(device.type),
        bits_depend_on(device),
        socket.gethostname(),
        os.getpid(),
    )


@cache
def code_digest() -> str:
    """Of the files of Neurenix in Python that this process runs: all clones have one
    version between two releases."""
    return digest_of_files(map(Path, nx.__path__))


def digest_of_files(folders: Iterable[Path]) -> str:
    """However they lie in folders (of a name that is in several, the first counts), and
    whichever line ends a checkout has made."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*.py"):
            found.setdefault(path.relative_to(folder).as_posix(), path)
    digest = hashlib.sha256()
    for name, path in sorted(found.items()):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{len(text)} {name}\n".encode())
        digest.update(text)
    return digest.hexdigest()
