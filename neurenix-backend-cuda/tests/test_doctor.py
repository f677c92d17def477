"""`neurenix doctor` on machines without, with a broken and with an old driver: the fake
one stands where NVIDIA's would."""

from __future__ import annotations

import ctypes
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cuda_emulated
import pytest
from emulated_engine import CUDA, run

from neurenix_backend_cuda.device_files import sign_of_card


def doctor(folder: Path, settings: str = "", built: str = "", driver: str = "") -> Any:
    """What the doctor says of cuda, over the fake driver or what lies in the folder
    `driver`; `built`: what the package has code for, where that is not the usual."""
    engine = replace(CUDA, drivers=driver or CUDA.drivers)
    if built:
        text = "import neurenix_backend_cuda.built as built\n"
        text += f"built.what_was_built = lambda library: built.Built({built})\n"
        engine = replace(engine, others=text)
    asked = ["-m", "neurenix", "doctor", "cuda", "--json"]
    done = run(asked, folder, engine, PHYNEXUS_FAKE_CUDA=settings)
    assert done.stdout, done.stderr
    (report,) = json.loads(done.stdout)["device_types"]
    assert done.returncode == (report["state"] == "broken")
    return report


def test_without_a_driver(tmp_path: Path) -> None:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        report = doctor(tmp_path, driver=str(tmp_path))
        assert report["state"] == "absent"
        assert "no NVIDIA driver (libcuda.so.1 was not found)" in report["reason"]
    else:
        pytest.skip("this machine has NVIDIA's driver")


def test_with_a_broken_driver(tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"not a library" * 100)
    report = doctor(tmp_path, driver=str(tmp_path))
    assert report["state"] == "broken"
    assert "the NVIDIA driver cannot be opened" in report["reason"]


def test_with_a_driver_that_is_none(tmp_path: Path) -> None:
    cuda_emulated.require_built()
    # a library without a driver's functions
    other = cuda_emulated.folder() / "libphynexus_fake_nvrtc.so"
    shutil.copy(other, tmp_path / "libcuda.so.1")
    report = doctor(tmp_path, driver=str(tmp_path))
    assert report["state"] == "broken"
    assert "has no function cuDriverGetVersion" in report["reason"]


def test_with_an_old_driver(tmp_path: Path) -> None:
    report = doctor(tmp_path, "version=12040")
    assert report["state"] == "broken"
    assert "CUDA 12.4, this package for CUDA 13.0" in report["reason"]


@pytest.mark.parametrize(
    ("card", "built", "told"),
    [
        ("75", "", ("7.5", "code for 8.0, 9.0 and all after 9.0", "none before 8.0")),
        ("90", "(120,), 120, (13, 0)", ("9.0", "code for 12.0", "ARCHITECTURES=90")),
    ],
)
def test_with_a_card_that_nothing_was_built_for(
    tmp_path: Path, card: str, built: str, told: tuple[str, ...]
) -> None:
    report = doctor(tmp_path, f"architecture={card}", built)
    assert report["state"] == "broken"
    assert "Emulated GPU 0 has compute capability" in report["reason"]
    assert all(text in report["reason"] for text in told), report["reason"]


def test_with_a_driver_that_cannot_read_the_builds_ptx(tmp_path: Path) -> None:
    built = "(80, 90), 90, (13, 1)"
    report = doctor(tmp_path, "architecture=120", built)
    assert report["state"] == "broken"
    told = ("nvcc 13.1", "made for CUDA 13.0", "update the driver", "ARCHITECTURES=120")
    assert all(text in report["reason"] for text in told), report["reason"]
    for settings in ("architecture=120,version=13010", "architecture=90"):
        assert doctor(tmp_path, settings, built)["state"] == "available"


def test_a_second_card_that_cannot_be_used_harms_no_other(tmp_path: Path) -> None:
    report = doctor(tmp_path, "devices=2,architecture1=75")
    assert report["state"] == "available", report
    first, second = report["devices"]
    assert first["check"] == "passed"
    assert second["device"] == "cuda:1"
    assert "does not open: Emulated GPU 1 is of the arch" in second["check"]


def test_a_first_card_that_does_not_open_beside_one_that_does(tmp_path: Path) -> None:
    settings = "devices=2,fail=cuDevicePrimaryCtxRetain:1:46"
    report = doctor(tmp_path, settings)
    assert report["state"] == "broken"
    assert "UNAVAILABLE (46)" in report["reason"]
    first, second = report["devices"]
    assert "nvidia-smi -q -d COMPUTE" in first["check"]
    assert second["check"] == "passed"


def test_with_a_driver_that_does_not_start(tmp_path: Path) -> None:
    report = doctor(tmp_path, "fail=cuInit:1:999")
    assert report["state"] == "broken"
    assert "cuInit gave CUDA_ERROR_UNKNOWN (999)" in report["reason"]


def test_with_a_driver_that_finds_no_card(tmp_path: Path) -> None:
    report = doctor(tmp_path, "devices=0")
    card = sign_of_card(Path("/"))
    assert report["state"] == ("broken" if card else "absent")
    assert "finds no GPU" in report["reason"]
