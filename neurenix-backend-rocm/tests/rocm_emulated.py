"""The device type "rocm-emulated", in tests only: the ROCm engine's host code and its
kernels for wavefronts of 64, compiled by the C++ compiler over a fake HIP runtime.

`make emulated` builds it into build/rocm-emulated. NEURENIX_ROCM_EMULATED names another
folder; with NEURENIX_REQUIRE_EMULATED=1 a missing one fails instead of skipping.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurenix import backends
from neurenix.backends import Available, discovery

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "rocm-emulated"


def folder() -> Path:
    """Where the emulated engine and the fake libraries lie."""
    return Path(
        os.environ.get("NEURENIX_ROCM_EMULATED") or ROOT / "build/rocm-emulated"
    )


def library() -> Path:
    return folder() / "libphynexus_rocm_emulated.so"


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
        # the fake runtime is found beside it
        discovery.add(
            backends.BackendInfo(
                DEVICE, backends.API_VERSION, "tests", 0, _probe, _create
            )
        )
    return DEVICE
