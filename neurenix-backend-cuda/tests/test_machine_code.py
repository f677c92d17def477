"""The machine code of the kernels in which large products spend their time: what they
were written for is there, and nothing is spilled. nvcc compiles; nothing runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

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
def code(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The instructions of each kernel, and what it uses."""
    cubin = tmp_path_factory.mktemp("code") / f"{request.param}.cubin"
    include = Path(phynexus.HEADER).parent
    subprocess.run(
        [
            *(
                str(TOOLS["nvcc"]),
                "-cubin",
                f"-arch={request.param}",
                "-std=c++20",
                "-O3",
            ),
            *("-fmad=false", "-I", str(include), "-o", str(cubin), str(SOURCE)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    # the one calls the other
    environment = {**os.environ, "NVDISASM_PATH": str(TOOLS["nvdisasm"])}

    def said(*options: str) -> str:
        return subprocess.run(
            [str(TOOLS["cuobjdump"]), *options, str(cubin)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        ).stdout

    parts = re.split(r"Function : (\w+)", said("-sass"))[1:]
    sass = {
        name: re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+ )?([A-Z][\w.]*)", text)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
    used = re.findall(
        r"Function (\w+):\s*REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)",
        said("--dump-resource-usage"),
    )
    return sass, {name: tuple(map(int, numbers)) for name, *numbers in used}


def test_nothing_is_spilled(code) -> None:
    sass, used = code
    assert set(used) == {*SUMS, "product_tensor"}
    for name, instructions in sass.items():
        spilled = {x for x in instructions if x.startswith(("STL", "LDL"))}
        assert not spilled, f"{name}: {spilled}"
    for name, (_registers, stack, local) in used.items():
        assert (stack, local) == (0, 0), name


def test_two_blocks_fit_a_multiprocessor(code) -> None:
    _sass, used = code
    for name in SUMS:
        registers = used[name][0]
        assert registers <= 128, f"{name}: {registers} registers"


def test_each_term_is_one_instruction(code) -> None:
    sass, _used = code
    for name, sums in SUMS.items():
        count = sass[name].count("FFMA")
        assert sums <= count <= 2 * sums + 64, f"{name}: {count}"
        loads = [x for x in sass[name] if x.startswith("LDS")]
        if name != "product_small":  # two sums a side: half the width
            assert any(x.startswith("LDS.128") for x in loads), f"{name}: {set(loads)}"


def test_tensor_cores_are_used(code) -> None:
    sass, _used = code
    found = {x for x in sass["product_tensor"] if x.startswith("HMMA")}
    assert found == MATRIX_PRODUCTS
    for name in SUMS:
        assert not any(x.startswith("HMMA") for x in sass[name])
