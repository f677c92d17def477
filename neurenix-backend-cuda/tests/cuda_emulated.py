"""The device type "cuda-emulated", in tests only: the CUDA engine's host code and its
kernels, compiled by the C++ compiler over a fake driver.

`make emulated` builds it into build/cuda-emulated. NEURENIX_CUDA_EMULATED names another
folder; with NEURENIX_REQUIRE_EMULATED=1 a missing one fails instead of skipping.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurenix import backends
from neurenix.backends import Available, discovery

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "cuda-emulated"


def folder() -> Path:
    """Where the emulated engine and the fake libraries lie."""
    return Path(
        os.environ.get("NEURENIX_CUDA_EMULATED") or ROOT / "build/cuda-emulated"
    )


def library() -> Path:
    return folder() / "libphynexus_cuda_emulated.so"


def _probe() -> int:
    from neurenix.phynexus import count_devices

    return count_devices(library())


def _create() -> backends.Backend:
    from neurenix.phynexus import NativeBackend

    return NativeBackend(library())


def require_built() -> None:
    """Skips where it was not built."""
    if library().exists():
        return
    told = f"{library()} is not built: make emulated"
    if os.environ.get("NEURENIX_REQUIRE_EMULATED"):
        pytest.fail(told)
    pytest.skip(told, allow_module_level=True)


def register() -> str:
    """Adds the device type to this process, once, and returns its name; skips where it
    was not built."""
    require_built()
    if not isinstance(discovery.state(DEVICE), Available):
        # the fake driver is found beside it
        discovery.add(
            backends.BackendInfo(
                DEVICE, backends.API_VERSION, "tests", 0, _probe, _create
            )
        )
    return DEVICE
