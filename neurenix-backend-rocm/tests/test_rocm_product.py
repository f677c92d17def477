"""The ROCm engine itself, as AMD's compilers have built it (`make rocm`): every kernel
in the code of every architecture, and what each needs of a card; what the library
links; and its host side over the fake runtime. Kernels compile; none runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from built_engine import BUILT_ROCM
from emulated_engine import ROOT
from rocm_build import ALL, READER, Notes, notes_of
from vendor_compilers import needs_compilers

HANDLERS = ROOT / "neurenix-core/src/neurenix/phynexus/gpu/device/handlers.h"
LEVEL = "phynexus_level_"
TENSOR = "product_tensor"  # no card of AMD's runs it: matrix cores are rocBLAS's
pytestmark = [pytest.mark.slow, BUILT_ROCM.is_needed()]

# At most, over all architectures: vector registers; scalar registers in lanes; bytes
# of a lane's own, which are what a chain as byte code computes with, places that are
# counted, and a word or more for each call. The hot kernels have none of these.
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


def names_in(table: str) -> list[str]:
    (text,) = re.findall(rf"#define {table}\(X\)((?:.*\\\n)*.*)", HANDLERS.read_text())
    return re.findall(r"X\((\w+)", text)


def all_names() -> set[str]:
    levels = {f"{LEVEL}{name}" for name in names_in("PHYNEXUS_LEVEL_KERNELS")}
    return levels | {*names_in("PHYNEXUS_TASK_KERNELS"), "phynexus_step"}


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


def code_for(architecture: str) -> Path:
    return BUILT_ROCM.folder / f"phynexus_{architecture}.hsaco"


def test_it_has_code_for_all_that_the_compilers_know() -> None:
    made = (BUILT_ROCM.folder / "architectures.txt").read_text().split()
    assert made == list(ALL)
    library = BUILT_ROCM.library.read_bytes()
    assert all(code_for(architecture).read_bytes() in library for architecture in ALL)
    assert len(library) < 30e6


@needs_compilers("amd", "" if READER else "there is no llvm-readelf")
@pytest.mark.parametrize("architecture", ALL)
def test_all_kernels_are_there(architecture: str) -> None:
    file = code_for(architecture)
    # Clang up to 19 lets a function that is not inlined look its kernel's shared memory
    # up in a table, and does not tell it the kernel's number.
    assert b"dynlds" not in file.read_bytes()
    found = notes_of(file)
    assert set(found) == all_names()
    for name, notes in found.items():
        assert notes.lanes == (64 if architecture.startswith("gfx9") else 32)
        assert beyond(name.removeprefix(LEVEL), notes) == []


def test_it_needs_nothing_of_rocms() -> None:
    needed = BUILT_ROCM.needed_libraries()
    assert "libc.so.6" in needed
    assert not any(re.match("lib(amdhip|hip|roc|hsa)", name) for name in needed)


def test_without_a_card_it_counts_no_devices() -> None:
    assert BUILT_ROCM.device_count(HIP_VISIBLE_DEVICES="-1") == 0


def test_its_host_side_runs_a_step_over_the_fake_runtime() -> None:
    notes = BUILT_ROCM.step_over_the_fake_driver()
    # of no ROCm's: hipRTC, which the fake runtime has, would give other bits
    told = r"no code at run time, .*: clang\+\+-\d+ has made them, and hipRTC's bits"
    assert any(re.match(told, note) for note in notes), notes
