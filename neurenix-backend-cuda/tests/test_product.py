"""The CUDA engine itself, as nvcc has built it (`make cuda`): what it links, its size,
and its host side over the fake driver, which runs emulated kernels in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cuda_emulated import ROOT, folder

LIBRARY = Path(os.environ.get("NEURENIX_CUDA_BUILD") or ROOT / "build/cuda")
LIBRARY /= "libphynexus_cuda.so"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not LIBRARY.exists(), reason=f"{LIBRARY} is not built: make cuda"
    ),
]

# A second-order step over tasks, beside the CPU's.
PROGRAM = """
from pathlib import Path
import numpy as np
import neurenix_backend_cuda
neurenix_backend_cuda.library = lambda: Path({library!r})
import neurenix as nx

def loss(w, x):
    inner = nx.grad(lambda v: nx.tanh(x @ v).square().mean())
    return nx.tanh(x @ (w - 0.1 * inner(w))).square().mean()

w = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
xs = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 5, 4)
found = []
for device in ("cuda:0", "cpu"):
    nx.init({{"device": device}})
    step = nx.compile(nx.grad(lambda w, xs: nx.map(lambda x: loss(w, x))(xs).mean()))
    found.append(step(nx.tensor(w), nx.tensor(xs)).numpy())
np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-7)
print("equal")
"""


def test_it_needs_nothing_of_cuda_and_is_small() -> None:
    needed = subprocess.run(
        ["readelf", "-d", str(LIBRARY)], capture_output=True, text=True, check=True
    ).stdout
    assert "libc.so" in needed
    assert not any(name in needed for name in ("libcuda", "libnvrtc", "libcublas"))
    assert LIBRARY.stat().st_size < 30e6


def test_without_a_driver_it_counts_no_devices() -> None:
    code = (
        "from pathlib import Path\n"
        "from neurenix.phynexus import count_devices\n"
        f"print(count_devices(Path({str(LIBRARY)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


def test_its_host_side_runs_a_step_over_the_fake_driver() -> None:
    driver = folder() / "driver"
    if not driver.exists():
        pytest.skip(f"{driver} is not built: make emulated")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(library=str(LIBRARY))],
        env={**os.environ, "LD_LIBRARY_PATH": str(driver)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "equal\n"
