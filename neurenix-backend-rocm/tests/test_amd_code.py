"""The machine code for AMD's cards: the hot kernels for each architecture that the
compilers at hand know, which spill nothing, and all kernels for one of them, by night
for each, with what they need of a card; and the engine with that code in it. Kernels
compile; none runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from emulated_engine import ROCM, ROOT
from rocm_build import ALL, NEWER_CLANG, READER, Notes, ProductBuild, notes_of
from vendor_compilers import needs_compilers

HANDLERS = ROOT / "neurenix-core/src/neurenix/phynexus/gpu/device/handlers.h"
HOT = {"product_large", "product_medium", "product_small"}
LEVEL = "phynexus_level_"
TENSOR = "product_tensor"  # no card of AMD's runs it: its precisions are not declared
ONE = "gfx90a"
pytestmark = [
    pytest.mark.slow,
    needs_compilers("amd", "" if shutil.which("hipcc") else "there is no hipcc"),
    needs_compilers("amd", "" if READER else "there is no llvm-readelf"),
]
needs_newer_clang = needs_compilers(
    "amd",
    ""
    if NEWER_CLANG
    else "there is no clang 19, and hipcc takes many minutes over the task's kernel",
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> ProductBuild:
    return ProductBuild(tmp_path_factory.mktemp("rocm"))


def names_in(table: str) -> list[str]:
    (text,) = re.findall(rf"#define {table}\(X\)((?:.*\\\n)*.*)", HANDLERS.read_text())
    return re.findall(r"X\((\w+)", text)


def all_names() -> set[str]:
    levels = {f"{LEVEL}{name}" for name in names_in("PHYNEXUS_LEVEL_KERNELS")}
    return levels | {*names_in("PHYNEXUS_TASK_KERNELS"), "phynexus_step"}


def test_functions_and_errors_are_those_of_amds_header(build: ProductBuild) -> None:
    build.make("hip_header_test")


def test_no_hot_kernel_spills(build: ProductBuild) -> None:
    files = list(build.make("hot_kernels").glob("hot_*.hsaco"))
    made = {file.stem.removeprefix("hot_"): notes_of(file) for file in files}
    expected = set(ALL) if NEWER_CLANG else {"gfx906", "gfx90a", "gfx1030"}
    assert expected <= set(made)
    for architecture, found in made.items():
        assert set(found) == HOT, architecture
        for name, notes in found.items():
            assert spills(notes) == 0, (architecture, name, notes)


def spills(notes: Notes) -> int:
    return notes.to_memory + notes.to_lanes + notes.own_memory


# At most, over all architectures: vector registers; scalar registers in lanes; bytes
# of a lane's own, which are what a chain as byte code computes with, places that are
# counted, and a word or more for each call.
MOST = {
    "phynexus_step": (16, 0, 0),
    "control": (64, 16, 0),
    "elementwise": (184, 16, 672),
    "contract": (232, 0, 48),
    "index": (160, 0, 96),
    "order": (160, 0, 208),
    "wide": (264, 64, 672),
    "contract_other": (184, 0, 48),
    "linear_algebra": (120, 0, 48),
    "product_direct": (256, 16, 48),
    "product_large": (184, 0, 0),
    "product_medium": (160, 0, 0),
    "product_small": (96, 0, 0),
    "product_other": (136, 0, 0),
    "product_tensor": (344, 0, 240),
    "product_update": (184, 0, 0),
    "phynexus_task": (240, 48, 672),
    "phynexus_task_any": (288, 48, 848),
}


def beyond(name: str, notes: Notes) -> list[str]:
    """What a kernel needs more of than it may. No vector register may go to memory."""
    most = dict(
        zip(("registers", "to_lanes", "own_memory"), MOST[name], strict=True),
        to_memory=80 if name == TENSOR else 0,
    )
    return [
        f"{name}: {what} {getattr(notes, what)}, not {limit}"
        for what, limit in most.items()
        if getattr(notes, what) > limit
    ]


@needs_newer_clang
@pytest.mark.parametrize(
    "architecture",
    [
        ONE,
        *(pytest.param(x, marks=pytest.mark.nightly) for x in ALL if x != ONE),
    ],
)
def test_all_kernels_are_there(build: ProductBuild, architecture: str) -> None:
    folder = build.make(f"kernels_{architecture}")
    file = folder / f"phynexus_{architecture}.hsaco"
    assert file.stat().st_size < 4e6  # a wheel of seven stays below 30 MB
    # Clang up to 19 lets a function that is not inlined look its kernel's shared memory
    # up in a table, and does not tell it the kernel's number.
    assert b"dynlds" not in file.read_bytes()
    found = notes_of(file)
    assert set(found) == all_names()
    for name, notes in found.items():
        assert notes.lanes == (64 if architecture.startswith("gfx9") else 32)
        assert beyond(name.removeprefix(LEVEL), notes) == []


@needs_newer_clang
def test_cmake_says_what_it_left_out(build: ProductBuild) -> None:
    said = build.configure(ONE, "gfx9999")
    assert f"-- ROCm: code for {ONE}, by clang\n" in said
    (why,) = re.findall(r"^-- ROCm: no code for gfx9999:(.*)$", said, re.MULTILINE)
    assert "hipcc says error:" in why
    assert "clang says error:" in why
    assert (build.folder / "architectures.txt").read_text() == f"{ONE}\n"


@pytest.fixture(scope="module")
def library(build: ProductBuild) -> Path:
    """The engine, with code for one architecture: that which is made here anyway."""
    return build.make("phynexus_rocm", (ONE, "gfx9999")) / "libphynexus_rocm.so"


@needs_newer_clang
def test_the_engine_needs_nothing_of_rocms(library: Path) -> None:
    needed = subprocess.run(
        ["readelf", "-d", str(library)], capture_output=True, text=True, check=True
    ).stdout
    assert "libc.so" in needed
    assert not any(name in needed for name in ("amdhip", "hiprtc", "rocblas", "hsa-"))
    code = (library.parent / f"phynexus_{ONE}.hsaco").read_bytes()
    assert code in library.read_bytes()


@needs_newer_clang
def test_without_a_card_it_counts_no_devices(library: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from neurenix.phynexus import count_devices\n"
        f"print(count_devices(Path({str(library)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HIP_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"


# A second-order step over tasks, beside the CPU's.
PROGRAM = """
from pathlib import Path
import numpy as np
import neurenix_backend_rocm
neurenix_backend_rocm.library = lambda: Path({library!r})
{others}
import neurenix as nx
from neurenix.backends import discovery

def loss(w, x):
    inner = nx.grad(lambda v: nx.tanh(x @ v).square().mean())
    return nx.tanh(x @ (w - 0.1 * inner(w))).square().mean()

w = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
xs = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 5, 4)
found = []
for device in ("rocm:0", "cpu"):
    nx.init({{"device": device}})
    step = nx.compile(nx.grad(lambda w, xs: nx.map(lambda x: loss(w, x))(xs).mean()))
    found.append(step(nx.tensor(w), nx.tensor(xs)).numpy())
np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-7)
print("equal")
print(*discovery.backend("rocm").notes(0), sep="\\n")
"""


@needs_newer_clang
def test_its_host_side_runs_a_step_over_the_fake_runtime(library: Path) -> None:
    ROCM.require_built()
    program = PROGRAM.format(library=str(library), others=ROCM.others)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LD_LIBRARY_PATH": str(ROCM.folder() / ROCM.drivers)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    equal, *notes = done.stdout.splitlines()
    assert equal == "equal"
    # of no ROCm's: hipRTC, which the fake runtime has, would give other bits
    told = r"no code at run time, .*: clang\+\+-\d+ has made them, and hipRTC's bits"
    assert any(re.match(told, note) for note in notes), notes
