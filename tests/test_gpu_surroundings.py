"""What an engine for GPUs takes from its surroundings, and says of them: environment
variables, the vendor's driver and compiler."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulated_engine import CUDA, ROCM, EmulatedEngine, run

BOTH = pytest.mark.parametrize("engine", [CUDA, ROCM], ids=lambda e: e.name)
WORK = """
import sys
import neurenix as nx
nx.init({"device": sys.argv[1]})
assert (nx.ones(2) + 1).tolist() == [2, 2]
print(*nx.backends.discovery.backend(sys.argv[1]).notes(0), sep="\\n")
"""


@BOTH
@pytest.mark.parametrize(
    ("variable", "value", "values"),
    [
        ("NEURENIX_GPU_CODE", "off", "0, 1, before"),
        ("NEURENIX_GPU_GUARD", "true", "0, 1"),
    ],
)
def test_a_switch_without_such_a_value_is_refused_by_name(
    engine: EmulatedEngine, variable: str, value: str, values: str, tmp_path: Path
) -> None:
    told = f"InvalidArgumentError: {variable}={value}: it is one of {values}, or not"
    for code in (WORK, "import neurenix as nx; nx.ones(2)"):  # nor is it passed over
        done = run(["-c", code, engine.name], tmp_path, engine, **{variable: value})
        assert done.returncode == 1 and told in done.stderr, done.stderr


@BOTH
@pytest.mark.parametrize("value", ["", "0", "1"])
def test_switches_that_have_the_value(
    engine: EmulatedEngine, value: str, tmp_path: Path
) -> None:
    given = {"NEURENIX_GPU_CODE": value, "NEURENIX_GPU_GUARD": value}
    done = run(["-c", WORK, engine.name], tmp_path, engine, **given)
    assert done.returncode == 0, done.stderr
    assert ("NEURENIX_GPU_CODE=0" in done.stdout) == (value == "0")


def test_the_driver_is_said_with_its_version(tmp_path: Path) -> None:
    done = run(["-c", WORK, "cuda"], tmp_path, CUDA, PHYNEXUS_FAKE_CUDA="version=13020")
    assert done.stdout.startswith("driver for CUDA 13.2\n"), done.stderr
    done = run(["-c", WORK, "rocm"], tmp_path, ROCM)
    told = r"HIP runtime of ROCm 6\.3 \(/\S+\)\n"
    assert re.match(told, done.stdout), done.stdout + done.stderr


@BOTH
def test_the_vendors_compiler_does_not_stay_open(
    engine: EmulatedEngine, tmp_path: Path
) -> None:
    code = WORK + 'print([m for m in open("/proc/self/maps") if "rtc" in m])\n'
    done = run(["-c", code, engine.name], tmp_path, engine)
    assert done.returncode == 0, done.stderr
    assert "code at run time by " in done.stdout
    assert done.stdout.endswith("[]\n")
