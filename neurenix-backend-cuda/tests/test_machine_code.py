"""The machine code of the kernels in which steps spend their time: nothing is spilled,
and what they were written for is there. nvcc compiles; nothing runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from kernel_resources import Used, resources_of
from machine_code import Kernel, kernels_of, missing_tools, tool
from vendor_compilers import needs_compilers

from neurenix import phynexus

NO_READER = missing_tools("cuobjdump", "nvdisasm")
pytestmark = [
    pytest.mark.slow,
    needs_compilers("nvidia", missing_tools("nvcc") and "there is no nvcc"),
]
reads_code = needs_compilers(
    "nvidia", NO_READER and f"of NVIDIA's tools there is no {NO_READER}"
)
FOLDER = Path(__file__).resolve().parent
LEVEL = "phynexus_level_"
ARCHITECTURES = ["sm_80", "sm_90"]
# Terms of a slab times the rows and columns of sums that a thread has: all unrolled.
SUMS = {
    "product_large": 8 * 8 * 4,
    "product_medium": 16 * 4 * 4,
    "product_small": 16 * 2 * 2,
}
TENSOR = "product_tensor"
MATRIX_PRODUCTS = {"HMMA.1688.F32.TF32", "HMMA.16816.F32.BF16", "HMMA.16816.F32"}
Compiled = tuple[Path, dict[str, Used]]


def compile_for(architecture: str, source: str, folder: Path) -> Compiled:
    """The code, and what each kernel of it uses, its functions included."""
    cubin = folder / f"{architecture}.cubin"
    include = Path(phynexus.HEADER).parent
    done = subprocess.run(
        [
            *(str(tool("nvcc")), "-cubin", f"-arch={architecture}", "-std=c++20"),
            *("-O3", "-fmad=false", "-Xptxas", "-v", "-I", str(include)),
            *("-o", str(cubin), str(FOLDER / source)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return cubin, resources_of(done.stdout + done.stderr)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Compiled:
    folder = tmp_path_factory.mktemp("code")
    return compile_for(request.param, "hot_kernels.cu", folder)


@pytest.fixture(scope="module")
def code(compiled: Compiled) -> dict[str, Kernel]:
    """Each level's kernel."""
    kernels = kernels_of(compiled[0])
    return {name.removeprefix(LEVEL): kernel for name, kernel in kernels.items()}


def test_nothing_is_spilled(compiled: Compiled) -> None:
    """But in the tensor cores' kernel a few words before and behind its loop, so that
    two blocks share a multiprocessor."""
    used = dict(compiled[1])
    assert "phynexus_task" in used
    assert used.pop(LEVEL + TENSOR).spilled_bytes <= 128
    spilled = {name: x for name, x in used.items() if x.spilled_bytes}
    assert not spilled


@pytest.mark.nightly  # half a minute each
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernel_of_rare_tasks_spills_little(
    tmp_path: Path, architecture: str
) -> None:
    _, used = compile_for(architecture, "task_any.cu", tmp_path)
    (task,) = used.values()
    assert task.registers <= 128
    assert task.spilled_bytes <= 96  # 16 and 72 of nvcc 13.0


def test_two_blocks_share_a_multiprocessor(compiled: Compiled) -> None:
    """By registers: a task waits often, and then the other one works."""
    for name, used in compiled[1].items():
        assert used.registers <= 128, name


@reads_code
def test_products_touch_no_local_memory(code: dict[str, Kernel]) -> None:
    for name in SUMS:
        assert not code[name].count("STL") + code[name].count("LDL"), name
        assert (code[name].stack, code[name].local) == (0, 0), name


@reads_code
def test_each_term_is_one_instruction(code: dict[str, Kernel]) -> None:
    for name, sums in SUMS.items():
        count = code[name].instructions.count("FFMA")
        assert sums <= count <= 2 * sums + 64, f"{name}: {count}"
        loads = {x for x in code[name].instructions if x.startswith("LDS")}
        if name != "product_small":  # two sums a side: half the width
            assert any(x.startswith("LDS.128") for x in loads), f"{name}: {loads}"


@reads_code
def test_the_next_slab_is_on_its_way_meanwhile(code: dict[str, Kernel]) -> None:
    """Its loads come before the sums, most of them at least; behind these each slab
    would wait for memory."""
    for name in SUMS:
        names = [x.split(".")[0] for x in code[name].instructions]
        sums = [place for place, x in enumerate(names) if x == "FFMA"]
        first = sums[0]
        begun = max(place for place, x in enumerate(names[:first]) if x == "BAR")
        before = names[begun:first].count("LDG")
        assert before > names[first : sums[-1]].count("LDG"), name


@reads_code
def test_tensor_cores_are_used(code: dict[str, Kernel]) -> None:
    found = {x for x in code[TENSOR].instructions if x.startswith("HMMA")}
    assert found == MATRIX_PRODUCTS
    for name in SUMS:
        assert not code[name].count("HMMA")
