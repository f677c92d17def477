"""The conformance suite on the engine's other paths: without machine code of its own,
without Winograd's algorithm, and with the kernels of lesser processors."""

import os
import subprocess
import sys

import pytest

import neurenix as nx
from neurenix.backends import discovery

SETTINGS = [
    {"NEURENIX_CPU_CODE": "0"},
    {"NEURENIX_CPU_WINOGRAD": "0"},
    {"NEURENIX_CPU_ISA": "avx2"},
    {"NEURENIX_CPU_ISA": "portable"},
]

# What a setting changes alone, as a choice among the suite's names; else all of it.
CHANGES = {"NEURENIX_CPU_WINOGRAD": "conv"}


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "=".join(*s.items()))
def test_conformance(settings: dict[str, str]) -> None:
    if nx.get_device_count("cpu") == 0:
        pytest.skip("the engine for CPUs is not installed")
    here = discovery.backend("cpu").capabilities(0).instruction_set
    if settings.get("NEURENIX_CPU_ISA") == here:
        pytest.skip(f"{here} is what this machine takes by itself")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    chosen = [f"-k={CHANGES[name]}" for name in settings if name in CHANGES]
    run = subprocess.run(
        [*command, "--pyargs", "neurenix.testing.suite", "--nx-device", "cpu", *chosen],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


# What a product, a sum and a convolution are to the bit, and what they depend on.
BITS = """
import numpy as np
import neurenix as nx
from neurenix.nn.functional import conv2d
from neurenix.settings import bits_depend_on

nx.init({"device": "cpu"})
a, b = (nx.tensor(np.random.default_rng(0).random((70, 70), np.float32)) for _ in "ab")
x, w = a[:56, :56].reshape(1, 16, 14, 14), b[:48, :48].reshape(16, 16, 3, 3)
found = a @ b, a.sum(), conv2d(x, w, padding=1)
print([hash(y.numpy().tobytes()) for y in found], bits_depend_on(nx.Device("cpu")))
"""


def test_settings_that_change_bits_say_so() -> None:
    if nx.get_device_count("cpu") == 0:
        pytest.skip("the engine for CPUs is not installed")
    told = {}
    for settings in ({}, *SETTINGS):
        run = subprocess.run(
            [sys.executable, "-c", BITS],
            env={**os.environ, "PYTHONHASHSEED": "0", **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        bits, found = run.stdout.split("] ")
        assert told.setdefault(found, bits) == bits, settings
    assert len(told) > 1 and len(set(told.values())) == len(told)
