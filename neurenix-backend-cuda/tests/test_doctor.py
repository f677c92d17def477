"""`neurenix doctor` on machines without, with a broken and with an old driver: the fake
one stands where NVIDIA's would."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cuda_emulated
import pytest

from neurenix_backend_cuda.device_files import sign_of_card

FAKE = cuda_emulated.folder() / "driver"


def doctor(driver: Path, settings: str = "") -> dict[str, Any]:
    """What the doctor says of cuda, with this folder first in the loader's path."""
    path = os.pathsep.join([str(driver), os.environ.get("LD_LIBRARY_PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "neurenix", "doctor", "cuda", "--json"],
        env={**os.environ, "LD_LIBRARY_PATH": path, "PHYNEXUS_FAKE_CUDA": settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout, done.stderr
    (report,) = json.loads(done.stdout)["device_types"]
    assert done.returncode == (report["state"] == "broken")
    found: dict[str, Any] = report
    return found


@pytest.fixture
def fake() -> Path:
    cuda_emulated.require_built()
    return FAKE


def test_without_a_driver(tmp_path: Path) -> None:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        report = doctor(tmp_path)
        assert report["state"] == "absent"
        assert "no NVIDIA driver (libcuda.so.1 was not found)" in report["reason"]
    else:
        pytest.skip("this machine has NVIDIA's driver")


def test_with_a_broken_driver(tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"not a library" * 100)
    report = doctor(tmp_path)
    assert report["state"] == "broken"
    assert "the NVIDIA driver cannot be opened" in report["reason"]


def test_with_a_driver_that_is_none(tmp_path: Path) -> None:
    cuda_emulated.require_built()
    # a library without a driver's functions
    other = cuda_emulated.folder() / "libphynexus_fake_nvrtc.so"
    shutil.copy(other, tmp_path / "libcuda.so.1")
    report = doctor(tmp_path)
    assert report["state"] == "broken"
    assert "has no function cuDriverGetVersion" in report["reason"]


def test_with_an_old_driver(fake: Path) -> None:
    report = doctor(fake, "version=12040")
    assert report["state"] == "broken"
    assert "CUDA 12.4, this package for CUDA 13.0" in report["reason"]


def test_with_an_old_card(fake: Path) -> None:
    report = doctor(fake, "architecture=75")
    assert report["state"] == "broken"
    assert "has compute capability 7.5, this package code for 8.0" in report["reason"]


def test_with_a_driver_that_does_not_start(fake: Path) -> None:
    report = doctor(fake, "fail=cuInit:1:999")
    assert report["state"] == "broken"
    assert "cuInit gave CUDA_ERROR_UNKNOWN (999)" in report["reason"]


def test_with_a_driver_that_finds_no_card(fake: Path) -> None:
    report = doctor(fake, "devices=0")
    card = sign_of_card(Path("/"))
    assert report["state"] == ("broken" if card else "absent")
    assert "finds no GPU" in report["reason"]
