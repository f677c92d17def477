"""NVRTC and cuBLAS are found where pip puts them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from neurenix_backend_cuda.pip_libraries import (
    installed_cublas,
    installed_nvrtc,
    name_libraries,
)

PLACES = {
    "NEURENIX_NVRTC": "nvidia/cu13/lib/libnvrtc.so.13",
    "NEURENIX_CUBLAS": "nvidia/cu13/lib/libcublas.so.13",
}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A folder of packages with those that bring them."""
    files = {variable: tmp_path / place for variable, place in PLACES.items()}
    for variable, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        monkeypatch.setenv(variable, "")  # so that it is as before afterwards
        monkeypatch.delenv(variable)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return files


def test_those_of_wheels_are_named(wheels: dict[str, Path]) -> None:
    assert installed_nvrtc() == wheels["NEURENIX_NVRTC"]
    assert installed_cublas() == wheels["NEURENIX_CUBLAS"]
    name_libraries()
    for variable, file in wheels.items():
        assert os.environ[variable] == str(file)


def test_cuda_12s_cublas_is_found_too(wheels: dict[str, Path]) -> None:
    wheels["NEURENIX_CUBLAS"].unlink()
    old = wheels["NEURENIX_CUBLAS"].parents[2] / "cublas/lib/libcublas.so.12"
    old.parent.mkdir(parents=True)
    old.touch()
    assert installed_cublas() == old


def test_the_users_choice_stays(
    wheels: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURENIX_NVRTC", "/elsewhere")
    monkeypatch.setenv("NEURENIX_CUBLAS", "0")
    name_libraries()
    assert os.environ["NEURENIX_NVRTC"] == "/elsewhere"
    assert os.environ["NEURENIX_CUBLAS"] == "0"


def test_none_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert installed_nvrtc() is None
    assert installed_cublas() is None
