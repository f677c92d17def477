"""Whole programs on WebGPU: the documented ones, and the benchmarks' workloads, whose
losses are the CPU's. Convolutions are smaller here than in the benchmarks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from web_needs import absent

import neurenix as nx
from neurenix.backends import Available, discovery

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(__file__).parent / "quickstart"


@pytest.fixture(autouse=True)
def adapter() -> None:
    if not nx.get_device_count("cpu"):
        pytest.skip("the losses are held to the CPU engine's, which is not installed")
    state = discovery.state("webgpu")
    if isinstance(state, Available):
        return
    absent(f"there is no WebGPU device: {state.reason}")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("maml.py", r"Average test MSE: (\d+\.\d{6})"),
        ("prototypical.py", r"Average test accuracy: (0\.\d{4}|1\.0000)"),
    ],
)
def test_a_documented_program_runs(name: str, pattern: str, tmp_path: Path) -> None:
    text = (PROGRAMS / name).read_text()
    choice = '"cuda:0" if nx.get_device_count(nx.DeviceType.CUDA) > 0 else "cpu"'
    assert choice in text
    program = tmp_path / name
    program.write_text(text.replace(choice, '"webgpu"'))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(pattern + r"\n", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("w1", 1e-5),
        ("w2", 1e-5),
        ("w3", 1e-5),
        ("w4", 1e-5),
        ("w5s1", 1e-4),
        ("w5s5", 1e-4),
        ("w6", 1e-4),
    ],
)
def test_losses_are_the_cpus(
    name: str, within: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "webgpu"))
    from workloads import Workload  # type: ignore[import-not-found]

    losses = {}
    for device in ("cpu", "webgpu"):
        nx.init({"device": device})
        losses[device] = Workload(name, channels=8, image=16).losses(3)
    nx.init({"device": "cpu"})
    assert losses["webgpu"] == pytest.approx(losses["cpu"], rel=within)
