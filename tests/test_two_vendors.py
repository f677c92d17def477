"""Both vendors' packages on one machine, as `neurenix doctor` and a program see them:
emulated engines, over fake drivers where a vendor's would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from emulated_engine import CUDA, ROCM, EmulatedEngine, run

CHOSEN = """
import warnings
import neurenix as nx
with warnings.catch_warnings(record=True) as passed_over:
    warnings.simplefilter("always")
    print(nx.ones(3).device)
print([str(warning.message) for warning in passed_over])
"""


def doctor(folder: Path, *engines: EmulatedEngine) -> dict[str, dict[str, Any]]:
    """What it says of CUDA and ROCm, by name."""
    asked = ["-m", "neurenix", "doctor", "cuda", "rocm", "--json"]
    done = run(asked, folder, *engines)
    assert done.returncode == 0, done.stdout + done.stderr
    reports = json.loads(done.stdout)["device_types"]
    return {report["device_type"]: report for report in reports}


def chosen(folder: Path, *engines: EmulatedEngine) -> tuple[str, str]:
    """The device that a program is on, and what it is told that was passed over."""
    done = run(["-c", CHOSEN], folder, *engines)
    assert done.returncode == 0, done.stderr
    device, passed_over = done.stdout.splitlines()
    return device, passed_over


def test_cards_of_both_answer_and_cuda_is_chosen(tmp_path: Path) -> None:
    reports = doctor(tmp_path, CUDA, ROCM)
    assert {report["state"] for report in reports.values()} == {"available"}
    for name, report in reports.items():
        (device, *_) = report["devices"]
        assert device["check"] == "passed", name
    assert chosen(tmp_path, CUDA, ROCM) == ("cuda:0", "[]")


def test_no_card_of_amds_beside_one_of_nvidias(tmp_path: Path) -> None:
    if Path("/dev/kfd").exists():
        pytest.skip("this machine has an AMD GPU, or its driver")
    reports = doctor(tmp_path, CUDA)
    assert reports["cuda"]["state"] == "available"
    assert reports["rocm"]["state"] == "absent"
    assert "no AMD GPU: " in reports["rocm"]["reason"]
    assert chosen(tmp_path, CUDA) == ("cuda:0", "[]")


def test_a_card_of_amds_without_one_of_nvidias(tmp_path: Path) -> None:
    reports = doctor(tmp_path, ROCM)
    if reports["cuda"]["state"] == "available":
        pytest.skip("this machine has an NVIDIA GPU")
    assert reports["rocm"]["state"] == "available"
    assert chosen(tmp_path, ROCM) == ("rocm:0", "[]")
