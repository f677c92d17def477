"""The machine code of the kernels in which steps spend their time: nothing is spilled,
and what they were written for is there. nvcc compiles; nothing runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from kernel_resources import Used, resources_of

from neurenix import phynexus


def tool(name: str) -> str | None:
    """A tool of NVIDIA's toolkit: on the path, where it is installed, or of a wheel
    (nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm)."""
    wheels = Path(np.__file__).parents[1] / "nvidia/cu13/bin"
    places = (os.environ["PATH"], "/usr/local/cuda/bin", str(wheels))
    return next(filter(None, (shutil.which(name, path=p) for p in places)), None)


TOOLS = {name: tool(name) for name in ("nvcc", "cuobjdump", "nvdisasm")}
MISSING = ", ".join(name for name, path in TOOLS.items() if path is None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(TOOLS["nvcc"] is None, reason="there is no nvcc"),
]
reads_code = pytest.mark.skipif(
    bool(MISSING), reason=f"of NVIDIA's tools there is no {MISSING}"
)
SOURCE = Path(__file__).resolve().parent / "hot_kernels.cu"
LEVEL = "phynexus_level_"
# Terms of a slab times the rows and columns of sums that a thread has: all unrolled.
SUMS = {
    "product_large": 8 * 8 * 4,
    "product_medium": 16 * 4 * 4,
    "product_small": 16 * 2 * 2,
}
TENSOR = "product_tensor"
MATRIX_PRODUCTS = {"HMMA.1688.F32.TF32", "HMMA.16816.F32.BF16", "HMMA.16816.F32"}
Compiled = tuple[Path, dict[str, Used]]


@pytest.fixture(scope="module", params=["sm_80", "sm_90"])
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Compiled:
    """The code, and what each kernel of it uses, its functions included."""
    cubin = tmp_path_factory.mktemp("code") / f"{request.param}.cubin"
    include = Path(phynexus.HEADER).parent
    done = subprocess.run(
        [
            *(str(TOOLS["nvcc"]), "-cubin", f"-arch={request.param}", "-std=c++20"),
            *("-O3", "-fmad=false", "-Xptxas", "-v", "-I", str(include)),
            *("-o", str(cubin), str(SOURCE)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return cubin, resources_of(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def code(compiled: Compiled) -> dict[str, list[str]]:
    """The instructions of each level's kernel."""
    said = subprocess.run(
        [str(TOOLS["cuobjdump"]), "-sass", str(compiled[0])],
        check=True,
        capture_output=True,
        text=True,
        # the one calls the other
        env={**os.environ, "NVDISASM_PATH": str(TOOLS["nvdisasm"])},
    ).stdout
    parts = re.split(r"Function : (\w+)", said)[1:]
    return {
        name.removeprefix(LEVEL): re.findall(
            r"/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+ )?([A-Z][\w.]*)", text
        )
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_nothing_is_spilled(compiled: Compiled) -> None:
    """But in the tensor cores' kernel a few words before and behind its loop, so that
    two blocks share a multiprocessor."""
    used = dict(compiled[1])
    assert "phynexus_task" in used
    assert used.pop(LEVEL + TENSOR).spilled_bytes <= 128
    spilled = {name: x for name, x in used.items() if x.spilled_bytes}
    assert not spilled


def test_two_blocks_share_a_multiprocessor(compiled: Compiled) -> None:
    """By registers: a task waits often, and then the other one works."""
    for name, used in compiled[1].items():
        assert used.registers <= 128, name


@reads_code
def test_the_loops_of_products_stay_in_registers(code: dict[str, list[str]]) -> None:
    for name in SUMS:
        moved = {x for x in code[name] if x.startswith(("STL", "LDL"))}
        assert not moved, f"{name}: {moved}"


@reads_code
def test_each_term_is_one_instruction(code: dict[str, list[str]]) -> None:
    for name, sums in SUMS.items():
        count = code[name].count("FFMA")
        assert sums <= count <= 2 * sums + 64, f"{name}: {count}"
        loads = [x for x in code[name] if x.startswith("LDS")]
        if name != "product_small":  # two sums a side: half the width
            assert any(x.startswith("LDS.128") for x in loads), f"{name}: {set(loads)}"


@reads_code
def test_tensor_cores_are_used(code: dict[str, list[str]]) -> None:
    found = {x for x in code[TENSOR] if x.startswith("HMMA")}
    assert found == MATRIX_PRODUCTS
    for name in SUMS:
        assert not any(x.startswith("HMMA") for x in code[name])
