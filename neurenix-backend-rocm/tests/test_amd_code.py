"""The machine code for AMD's cards: the hot kernels are there for each architecture
that the compilers at hand know, and spill nothing. They compile; nothing runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KERNELS = {"product_large", "product_medium", "product_small"}
FOLDERS = ":".join(f"/usr/lib/llvm-{n}/bin" for n in range(15, 22))
READER = shutil.which("llvm-readelf", path=f"/opt/rocm/llvm/bin:{FOLDERS}")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("hipcc"), reason="there is no hipcc"),
    pytest.mark.skipif(not READER, reason="there is no llvm-readelf"),
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The hot kernels' code by architecture."""
    build = tmp_path_factory.mktemp("rocm")
    tools = Path(sys.executable).parent
    cmake = shutil.which("cmake", path=str(tools)) or "cmake"
    ninja = shutil.which("ninja", path=str(tools)) or "ninja"
    make = f"-DCMAKE_MAKE_PROGRAM={ninja}"
    for command in (
        [cmake, "-S", ROOT, "-B", build, "-G", "Ninja", make],
        [cmake, "--build", build, "--target", "hot_kernels"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return {file.stem.split("_")[1]: file for file in build.glob("hot_*.hsaco")}


def test_wavefronts_of_64_and_of_32_have_code(objects: dict[str, Path]) -> None:
    assert {"gfx906", "gfx90a", "gfx1030"} <= set(objects)


def test_no_hot_kernel_spills(objects: dict[str, Path]) -> None:
    for architecture, file in objects.items():
        notes = subprocess.run(
            [str(READER), "--notes", str(file)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        names = set(re.findall(r"\.name: +(product_\w+)", notes))
        assert names == KERNELS, architecture
        spilled = re.findall(r"\.[sv]gpr_spill_count: +(\d+)", notes)
        assert len(spilled) == 2 * len(KERNELS)
        assert set(spilled) == {"0"}, architecture
        stack = re.findall(r"\.private_segment_fixed_size: (\d+)", notes)
        assert set(stack) == {"0"}, architecture
