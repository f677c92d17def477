"""The whole conformance suite on the engine's other paths: without machine code of its
own, without Winograd's algorithm, and with the kernels of lesser processors."""

import os
import subprocess
import sys

import pytest

import neurenix as nx

SETTINGS = [
    {"NEURENIX_CPU_CODE": "0"},
    {"NEURENIX_CPU_WINOGRAD": "0"},
    {"NEURENIX_CPU_ISA": "avx2"},
    {"NEURENIX_CPU_ISA": "portable"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "=".join(*s.items()))
def test_conformance(settings: dict[str, str]) -> None:
    if nx.get_device_count("cpu") == 0:
        pytest.skip("the engine for CPUs is not installed")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--pyargs", "neurenix.testing.suite", "--nx-device", "cpu"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
