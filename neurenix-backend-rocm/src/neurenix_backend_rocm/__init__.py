"""The Phynexus engine for AMD GPUs, as a Neurenix backend: the type "rocm"."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from neurenix import backends

NAME = "neurenix-backend-rocm"


def library() -> Path:
    """The engine's shared library, beside this file or, in an editable installation,
    where the build has put it."""
    found = sorted(
        file
        for folder in __path__
        for file in Path(folder).glob("*phynexus_rocm*")
        if file.suffix in (".so", ".dll") and "emulated" not in file.name
    )
    if not found:
        raise FileNotFoundError(
            f"the engine's library is missing from {', '.join(__path__)}; "
            "reinstall neurenix-backend-rocm (building it needs hipcc)"
        )
    return found[0]


def architectures() -> tuple[str, ...]:
    """The architectures that the library has code for, as its build has noted them."""
    return tuple(library().with_name("architectures.txt").read_text().split())


def _probe() -> int:
    from .driver import find_cards, refuse_unknown

    cards = find_cards()
    refuse_unknown(cards, architectures())
    return len(cards)


def _create() -> backends.Backend:
    from neurenix.phynexus.gpu_backend import GpuBackend

    return GpuBackend(library())


@backends.hookimpl
def neurenix_backend() -> backends.BackendInfo:
    """The record that core asks for. Before the CPU, after CUDA."""
    return backends.BackendInfo("rocm", backends.API_VERSION, NAME, 18, _probe, _create)


__version__ = metadata.version(NAME)
