"""NVRTC is found where pip puts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from neurenix_backend_cuda.nvrtc import NAME, installed_nvrtc, name_nvrtc


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with the one that brings NVRTC."""
    file = tmp_path / "nvidia/cu13/lib" / NAME
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delenv("NEURENIX_NVRTC", raising=False)
    return file


def test_a_wheels_nvrtc_is_named(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed_nvrtc() == wheel
    monkeypatch.setenv("NEURENIX_NVRTC", "")  # so that it is as before afterwards
    monkeypatch.delenv("NEURENIX_NVRTC")
    name_nvrtc()
    assert os.environ["NEURENIX_NVRTC"] == str(wheel)


def test_the_users_choice_stays(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURENIX_NVRTC", "/elsewhere")
    name_nvrtc()
    assert os.environ["NEURENIX_NVRTC"] == "/elsewhere"


def test_none_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_nvrtc() is None
