"""The doctor waits longer where a device type says that its first use takes long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neurenix.cli import doctor

PLUGIN = """
import time
from neurenix import backends
from neurenix.backends.reference import ReferenceBackend

def create():
    time.sleep(2)
    return ReferenceBackend()

@backends.hookimpl
def neurenix_backend():
    return backends.BackendInfo(
        "slow", backends.API_VERSION, "fake-slow", 0, lambda: 1, create,
        slow_start=lambda: "its code is compiled now",
    )
"""


@pytest.fixture(autouse=True)
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device type whose backend takes two seconds, and says so."""
    (tmp_path / "fake_slow.py").write_text(PLUGIN)
    info = tmp_path / "fake_slow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-slow\nVersion: 1")
    (info / "entry_points.txt").write_text("[neurenix.backends]\nslow = fake_slow\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(doctor, "QUIET", 0.0)


def test_it_is_waited_for_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    [report] = doctor.examine(["slow"])
    assert report.state == "available", report.reason
    told = "slow: its code is compiled now (waiting up to 180 s)\n"
    assert capsys.readouterr().err == told


def test_it_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SLOW_LIMIT", 0.5)
    [report] = doctor.examine(["slow"])
    assert report.state == "broken"
    assert "it hung: no answer within 0.5 s (in create, " in report.reason
