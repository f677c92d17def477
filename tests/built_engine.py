"""An engine for GPUs as its vendor's compiler has built it, by `make cuda` or `make
rocm`, where no GPU is: its host side runs over the fake driver, which runs emulated
kernels in place of the library's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from emulated_engine import CUDA, ROCM, ROOT, EmulatedEngine

# A second-order step over tasks, beside the CPU's; then what the device has to say.
_STEP = """
from pathlib import Path
import numpy as np
import neurenix_backend_{name}
neurenix_backend_{name}.library = lambda: Path({library!r})
{others}
import neurenix as nx
from neurenix.backends import discovery

def loss(w, x):
    inner = nx.grad(lambda v: nx.tanh(x @ v).square().mean())
    return nx.tanh(x @ (w - 0.1 * inner(w))).square().mean()

w = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
xs = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 5, 4)
found = []
for device in ("{name}:0", "cpu"):
    nx.init({{"device": device}})
    step = nx.compile(nx.grad(lambda w, xs: nx.map(lambda x: loss(w, x))(xs).mean()))
    found.append(step(nx.tensor(w), nx.tensor(xs)).numpy())
np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-7)
print("equal", *discovery.backend("{name}").notes(0), sep="\\n")
"""

_COUNT = """
from pathlib import Path
from neurenix.phynexus import count_devices
print(count_devices(Path({library!r})))
"""


@dataclass(frozen=True)
class BuiltEngine:
    """NEURENIX_CUDA_BUILD and NEURENIX_ROCM_BUILD name the folders of other builds."""

    emulated: EmulatedEngine

    @property
    def name(self) -> str:
        return self.emulated.name

    @property
    def folder(self) -> Path:
        named = os.environ.get(f"NEURENIX_{self.name.upper()}_BUILD")
        return Path(named or ROOT / "build" / self.name)

    @property
    def library(self) -> Path:
        return self.folder / f"libphynexus_{self.name}.so"

    def is_needed(self) -> pytest.MarkDecorator:
        told = f"{self.library} is not built: make {self.name}"
        return pytest.mark.skipif(not self.library.exists(), reason=told)

    def needed_libraries(self) -> list[str]:
        said = _run("readelf", "-d", str(self.library))
        return re.findall(r"\(NEEDED\).*\[(.*)\]", said)

    def device_count(self, **settings: str) -> int:
        program = _COUNT.format(library=str(self.library))
        return int(_run(sys.executable, "-c", program, **settings))

    def step_over_the_fake_driver(self) -> list[str]:
        """Runs one, fails unless it is the CPU's, and gives the device's notes."""
        self.emulated.require_built()
        drivers = self.emulated.folder() / self.emulated.drivers
        program = _STEP.format(
            name=self.name, library=str(self.library), others=self.emulated.others
        )
        said = _run(sys.executable, "-c", program, LD_LIBRARY_PATH=str(drivers))
        equal, *notes = said.splitlines()
        assert equal == "equal"
        return notes


def _run(*command: str, **settings: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BUILT_CUDA = BuiltEngine(CUDA)
BUILT_ROCM = BuiltEngine(ROCM)
