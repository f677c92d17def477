"""Which vendor's compiler the GPU engines' builds take, where there are several: the
environment's, else the first on the PATH, before those of the system's folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from emulated_engine import ROOT

TOOLS = Path(sys.executable).parent
BACKENDS = {"nvcc": "cuda", "hipcc": "rocm"}


def stub(folder: Path, name: str) -> Path:
    """A compiler of release 12.4, or one that cannot make code for any card."""
    folder.mkdir(parents=True)
    path = folder / name
    path.write_text("#!/bin/sh\necho 'release 12.4'\nexit 1\n")
    path.chmod(0o755)
    return path


def refused(name: str, folder: Path, **settings: str) -> str:
    """What CMake says of the compiler that it has taken."""
    ninja = shutil.which("ninja", path=str(TOOLS)) or "ninja"
    paths = os.pathsep.join([str(folder), settings.pop("PATH"), os.environ["PATH"]])
    unset = ("CUDA_HOME", "CUDA_PATH", "ROCM_PATH")
    environment = {k: x for k, x in os.environ.items() if k not in unset}
    done = subprocess.run(
        [
            shutil.which("cmake", path=str(TOOLS)) or "cmake",
            *("-S", str(ROOT / f"neurenix-backend-{BACKENDS[name]}")),
            *("-B", str(folder / "build"), "-G", "Ninja"),
            f"-DCMAKE_MAKE_PROGRAM={ninja}",
            *("-DPHYNEXUS_HIP_ARCHITECTURES=gfx90a", "-DPHYNEXUS_HIP_CLANG=NO"),
        ],
        env={**environment, **settings, "PATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("name", BACKENDS)
def test_the_first_on_the_path_is_taken(tmp_path: Path, name: str) -> None:
    first = stub(tmp_path / "first", name)
    told = refused(name, tmp_path, PATH=str(first.parent))
    assert f"{first} is of release 12" in told or f"{first} makes code for none" in told


@pytest.mark.parametrize(
    ("name", "variable"),
    [("nvcc", "CUDA_HOME"), ("nvcc", "CUDA_PATH"), ("hipcc", "ROCM_PATH")],
)
def test_the_environments_is_taken_before(
    tmp_path: Path, name: str, variable: str
) -> None:
    first = stub(tmp_path / "first", name)
    named = stub(tmp_path / "home/bin", name)
    home = {variable: str(tmp_path / "home")}
    told = refused(name, tmp_path, PATH=str(first.parent), **home)
    assert f"{named} is of release 12" in told or f"{named} makes code for none" in told
