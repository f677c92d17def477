"""The machine code for AMD's cards: the hot kernels for each architecture that the
compilers at hand know, which spill nothing, and all kernels for one of them, by night
for each. They compile; nothing runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from emulated_engine import ROOT
from vendor_compilers import needs_compilers

BACKEND = Path(__file__).resolve().parents[1]
HANDLERS = ROOT / "neurenix-core/src/neurenix/phynexus/gpu/device/handlers.h"
HOT = {"product_large", "product_medium", "product_small"}
FOLDERS = ":".join(f"/usr/lib/llvm-{n}/bin" for n in range(15, 22))
READER = shutil.which("llvm-readelf", path=f"/opt/rocm/llvm/bin:{FOLDERS}")
NEWER_CLANG = any(shutil.which(f"clang++-{n}") for n in range(19, 22))
Build = Callable[[str], Path]
pytestmark = [
    pytest.mark.slow,
    needs_compilers("amd", "" if shutil.which("hipcc") else "there is no hipcc"),
    needs_compilers("amd", "" if READER else "there is no llvm-readelf"),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Makes a target of the product's build, and says where that lies."""
    folder = tmp_path_factory.mktemp("rocm")
    tools = Path(sys.executable).parent
    cmake = shutil.which("cmake", path=str(tools)) or "cmake"
    ninja = shutil.which("ninja", path=str(tools)) or "ninja"
    make = f"-DCMAKE_MAKE_PROGRAM={ninja}"

    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def make_target(target: str) -> Path:
        run(cmake, "--build", str(folder), "--target", target)
        return folder

    run(cmake, "-S", str(BACKEND), "-B", str(folder), "-G", "Ninja", make)
    return make_target


def kernels(file: Path) -> dict[str, dict[str, int]]:
    """What the code's notes say of each kernel."""
    notes = subprocess.run(
        [str(READER), "--notes", str(file)], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    # their arguments are entries too, further to the right
    for entry in re.split(r"^  - \.", notes, flags=re.MULTILINE)[1:]:
        (name,) = re.findall(r"^    \.name: +(\w+)", entry, re.MULTILINE)
        numbers = re.findall(r"\.(\w+): +(\d+)$", entry, re.MULTILINE)
        found[name] = {key: int(number) for key, number in numbers}
    return found


def spills(facts: dict[str, int]) -> int:
    memory = facts["private_segment_fixed_size"]
    return facts["vgpr_spill_count"] + facts["sgpr_spill_count"] + memory


def names_in(table: str) -> list[str]:
    (text,) = re.findall(rf"#define {table}\(X\)((?:.*\\\n)*.*)", HANDLERS.read_text())
    return re.findall(r"X\((\w+)", text)


def all_names() -> set[str]:
    levels = {f"phynexus_level_{name}" for name in names_in("PHYNEXUS_LEVEL_KERNELS")}
    return levels | {*names_in("PHYNEXUS_TASK_KERNELS"), "phynexus_step"}


def test_functions_and_errors_are_those_of_amds_header(build: Build) -> None:
    build("hip_header_test")


def test_no_hot_kernel_spills(build: Build) -> None:
    files = list(build("hot_kernels").glob("hot_*.hsaco"))
    made = {file.stem.removeprefix("hot_"): kernels(file) for file in files}
    assert {"gfx906", "gfx90a", "gfx1030"} <= set(made)
    for architecture, found in made.items():
        assert set(found) == HOT, architecture
        for name, facts in found.items():
            assert not spills(facts), (architecture, name, facts)


@needs_compilers(
    "amd",
    ""
    if NEWER_CLANG
    else "there is no clang 19, and hipcc takes many minutes over the task's kernel",
)
@pytest.mark.parametrize(
    ("architecture", "lanes"),
    [
        ("gfx90a", 64),
        *(
            pytest.param(name, lanes, marks=pytest.mark.nightly)
            for name, lanes in [
                ("gfx906", 64),
                ("gfx908", 64),
                ("gfx942", 64),
                ("gfx1030", 32),
                ("gfx1100", 32),
                ("gfx1201", 32),
            ]
        ),
    ],
)
def test_all_kernels_are_there(build: Build, architecture: str, lanes: int) -> None:
    folder = build(f"kernels_{architecture}")
    file = folder / f"phynexus_{architecture}.hsaco"
    assert file.stat().st_size < 4e6  # a wheel of seven stays below 30 MB
    # Clang up to 19 lets a function that is not inlined look its kernel's shared memory
    # up in a table, and does not tell it the kernel's number.
    assert b"dynlds" not in file.read_bytes()
    found = kernels(file)
    assert set(found) == all_names()
    for name, facts in found.items():
        assert facts["wavefront_size"] == lanes
        if name.removeprefix("phynexus_level_") in HOT:
            assert not spills(facts), (name, facts)
