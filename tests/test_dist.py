"""tools/dist.py finds what is wrong with a wheel before anybody installs it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from dist import (  # type: ignore[import-not-found]
    LARGEST,
    check_programs,
    check_size,
)


def wheel(folder: Path, mode: int, name: str = "phynexus_compile") -> Path:
    path = folder / "neurenix_backend_cuda-0.1.0-py3-none-linux_x86_64.whl"
    file = zipfile.ZipInfo(f"neurenix_backend_cuda/{name}")
    file.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(file, b"a program")
    return path


def test_a_wheel_whose_program_may_be_executed(tmp_path: Path) -> None:
    check_programs(wheel(tmp_path, 0o100755))


@pytest.mark.parametrize(
    ("mode", "name", "told"),
    [
        (0o100644, "phynexus_compile", "has as no executable file"),
        (0o100755, "another", "lacks"),
    ],
)
def test_one_whose_program_may_not(
    mode: int, name: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=f"{told} phynexus_compile"):
        check_programs(wheel(tmp_path, mode, name))


def test_a_wheel_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "neurenix_backend_cuda-0.1.0-py3-none-any.whl"
    for size in (LARGEST - 1, LARGEST):
        with open(path, "wb") as file:
            file.truncate(size)  # without taking the disk's room
        if size < LARGEST:
            check_size(path)
    with pytest.raises(SystemExit, match=r"has 30\.00 MB; 30\.00 MB is the most"):
        check_size(path)
