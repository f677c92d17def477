"""The Phynexus engine for CPUs, as a Neurenix backend: the device type "cpu"."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from neurenix import backends

NAME = "neurenix-backend-cpu"


def library() -> Path:
    """The engine's shared library, beside this file or, in an editable installation,
    where the build has put it."""
    found = sorted(
        file
        for folder in __path__
        for file in Path(folder).glob("*phynexus_cpu*")
        if file.suffix in (".so", ".dylib", ".dll")
    )
    if not found:
        raise FileNotFoundError(
            f"the engine's library is missing from {', '.join(__path__)}; "
            "reinstall neurenix-backend-cpu (it needs a C++20 compiler)"
        )
    return found[0]


def _probe() -> int:
    from neurenix.phynexus import count_devices

    return count_devices(library())


def _create() -> backends.Backend:
    from .backend import CpuBackend

    return CpuBackend(library())


@backends.hookimpl
def neurenix_backend() -> backends.BackendInfo:
    """The record that core asks for."""
    return backends.BackendInfo("cpu", backends.API_VERSION, NAME, 10, _probe, _create)


__version__ = metadata.version(NAME)
