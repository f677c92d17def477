"""The machine code of the kernels in which large products spend their time: what they
were written for is there, and nothing is spilled. nvcc compiles; nothing runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from machine_code import Kernel, kernels_of, missing_tools, tool

from neurenix import phynexus

MISSING = missing_tools("nvcc", "cuobjdump", "nvdisasm")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"of NVIDIA's tools there is no {MISSING}"
    ),
]
SOURCE = Path(__file__).resolve().parent / "hot_kernels.cu"
# Terms of a slab times the rows and columns of sums that a thread has: all unrolled.
SUMS = {
    "product_large": 8 * 8 * 4,
    "product_medium": 16 * 4 * 4,
    "product_small": 16 * 2 * 2,
}
MATRIX_PRODUCTS = {"HMMA.1688.F32.TF32", "HMMA.16816.F32.BF16", "HMMA.16816.F32"}


@pytest.fixture(scope="module", params=["sm_80", "sm_90"])
def code(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Kernel]:
    cubin = tmp_path_factory.mktemp("code") / f"{request.param}.cubin"
    include = Path(phynexus.HEADER).parent
    command = [str(tool("nvcc")), "-cubin", f"-arch={request.param}", "-std=c++20"]
    command += ["-O3", "-fmad=false", "-I", str(include)]
    subprocess.run(
        [*command, "-o", str(cubin), str(SOURCE)],
        check=True,
        capture_output=True,
        text=True,
    )
    return kernels_of(cubin)


def test_nothing_is_spilled(code: dict[str, Kernel]) -> None:
    assert set(code) == {*SUMS, "product_tensor"}
    for name, kernel in code.items():
        assert not kernel.count("STL") + kernel.count("LDL"), name
        assert (kernel.stack, kernel.local) == (0, 0), name


def test_two_blocks_fit_a_multiprocessor(code: dict[str, Kernel]) -> None:
    for name in SUMS:
        registers = code[name].registers
        assert registers <= 128, f"{name}: {registers} registers"


def test_each_term_is_one_instruction(code: dict[str, Kernel]) -> None:
    for name, sums in SUMS.items():
        count = code[name].instructions.count("FFMA")
        assert sums <= count <= 2 * sums + 64, f"{name}: {count}"
        loads = {x for x in code[name].instructions if x.startswith("LDS")}
        if name != "product_small":  # two sums a side: half the width
            assert any(x.startswith("LDS.128") for x in loads), f"{name}: {loads}"


def test_tensor_cores_are_used(code: dict[str, Kernel]) -> None:
    found = {x for x in code["product_tensor"].instructions if x.startswith("HMMA")}
    assert found == MATRIX_PRODUCTS
    for name in SUMS:
        assert not code[name].count("HMMA")
