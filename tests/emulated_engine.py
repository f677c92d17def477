"""An engine for GPUs on a machine without one: its host code and its kernels, compiled
by the C++ compiler over a fake driver. `make emulated` builds it.

In tests it is a device type of its own, "cuda-emulated"; in a process that its package
takes it for its library, and the fake driver for the vendor's, it is "cuda".
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from neurenix import backends
from neurenix.backends import Available, discovery

ROOT = Path(__file__).resolve().parents[1]

# The package finds the emulated library as its own, beside what its build has noted.
_STAND_IN = """
import neurenix_backend_{name}
neurenix_backend_{name}.library = lambda: __import__("pathlib").Path({library!r})
"""


@dataclass(frozen=True)
class EmulatedEngine:
    """By the device type that it emulates, and the folder of its build in which the
    fake driver has the vendor's name. NEURENIX_CUDA_EMULATED names another build;
    with NEURENIX_REQUIRE_EMULATED=1 a missing one fails instead of skipping."""

    name: str
    drivers: str
    others: str = ""  # what else of the package a fake stands for

    @property
    def device(self) -> str:
        return f"{self.name}-emulated"

    def folder(self) -> Path:
        """Where the emulated engine and the fake libraries lie."""
        named = os.environ.get(f"NEURENIX_{self.name.upper()}_EMULATED")
        return Path(named or ROOT / "build" / self.device)

    def library(self) -> Path:
        return self.folder() / f"libphynexus_{self.name}_emulated.so"

    def require_built(self) -> None:
        """Skips where it was not built."""
        if self.library().exists():
            return
        told = f"{self.library()} is not built: make emulated"
        if os.environ.get("NEURENIX_REQUIRE_EMULATED"):
            pytest.fail(told)
        pytest.skip(told, allow_module_level=True)

    def register(self) -> str:
        """Adds the device type to this process, once, and returns its name; skips where
        it was not built."""
        self.require_built()
        if not isinstance(discovery.state(self.device), Available):
            # the fake driver is found beside it
            discovery.add(
                backends.BackendInfo(
                    self.device,
                    backends.API_VERSION,
                    "tests",
                    0,
                    self._probe,
                    self._create,
                )
            )
        return self.device

    def stand_in(self) -> str:
        """A program after which, in that process, the device type `name` is this."""
        text = _STAND_IN.format(name=self.name, library=str(self.library()))
        return text + self.others

    def _probe(self) -> int:
        from neurenix.phynexus import count_devices

        return count_devices(self.library())

    def _create(self) -> backends.Backend:
        from neurenix.phynexus import NativeBackend

        return NativeBackend(self.library())


CUDA = EmulatedEngine("cuda", "driver")
ROCM = EmulatedEngine(
    "rocm",
    "runtime",
    # the cards' files are the kernel's to make
    "import neurenix_backend_rocm.driver\n"
    "neurenix_backend_rocm.driver.check_device_files = lambda devices, classes: None\n",
)


def run(
    arguments: list[str], folder: Path, *engines: EmulatedEngine, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, in `folder`, where each engine's device type is the
    emulated one and its fake driver the vendor's, in processes that it starts too."""
    for engine in engines:
        engine.require_built()
    stand_ins = [engine.stand_in() for engine in engines]
    (folder / "sitecustomize.py").write_text("".join(stand_ins))
    drivers = [str(engine.folder() / engine.drivers) for engine in engines]
    paths = {"PYTHONPATH": [str(folder)], "LD_LIBRARY_PATH": drivers}
    for name, added in paths.items():
        before = os.environ.get(name)
        settings[name] = os.pathsep.join(added + ([before] if before else []))
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=580,
    )
