"""The Phynexus engine for NVIDIA GPUs, as a Neurenix backend: the type "cuda"."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from neurenix import backends

NAME = "neurenix-backend-cuda"


def library() -> Path:
    """The engine's shared library, beside this file or, in an editable installation,
    where the build has put it."""
    found = sorted(
        file
        for folder in __path__
        for file in Path(folder).glob("*phynexus_cuda*")
        if file.suffix in (".so", ".dll") and "emulated" not in file.name
    )
    if not found:
        raise FileNotFoundError(
            f"the engine's library is missing from {', '.join(__path__)}; "
            "reinstall neurenix-backend-cuda (building it needs nvcc 13)"
        )
    return found[0]


def _slow_start() -> str:
    from .built import compiles_first, what_was_built
    from .driver import find_cards

    return compiles_first(find_cards().cards, what_was_built(library()))


def _probe() -> int:
    from .built import refuse_unusable, what_was_built
    from .driver import find_cards

    found = find_cards()
    refuse_unusable(found, what_was_built(library()))
    return len(found.cards)


def _create() -> backends.Backend:
    from neurenix.phynexus.gpu_backend import GpuBackend

    from .pip_libraries import name_libraries

    name_libraries()
    return GpuBackend(library())


@backends.hookimpl
def neurenix_backend() -> backends.BackendInfo:
    """The record that core asks for. Before the CPU."""
    return backends.BackendInfo(
        "cuda",
        backends.API_VERSION,
        NAME,
        20,
        _probe,
        _create,
        slow_start=_slow_start,
    )


__version__ = metadata.version(NAME)
