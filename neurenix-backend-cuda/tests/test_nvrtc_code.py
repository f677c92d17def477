"""NVIDIA's own compiler takes the code that is made at run time, and makes of it what
was meant. It needs no GPU: nothing runs."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cuda_emulated
import numpy as np
import pytest
from machine_code import Kernel, kernels_of, missing_tools
from vendor_compilers import needs_compilers

import neurenix as nx
from neurenix_backend_cuda.pip_libraries import installed_nvrtc

DEVICE = cuda_emulated.register()
RELEASE = (13, 0)  # what the emulated engine says that it was built with


def missing() -> str:
    """What there is not, of all that is needed."""
    found = installed_nvrtc()
    if found is None:
        return "libnvrtc.so.13 is not installed"
    major, minor = ctypes.c_int(), ctypes.c_int()
    version = ctypes.CDLL(str(found)).nvrtcVersion
    version(ctypes.byref(major), ctypes.byref(minor))
    if (major.value, minor.value) != RELEASE:
        return f"{found} is of release {major.value}.{minor.value}"
    tools = missing_tools("cuobjdump", "nvdisasm")
    return f"of NVIDIA's tools there is no {tools}" if tools else ""


pytestmark = [
    pytest.mark.slow,
    needs_compilers("nvidia", missing()),
]

from captured_plan import captured_plan, compile_source, made_source  # noqa: E402

sys.path.insert(0, str(cuda_emulated.ROOT / "benchmarks" / "gpu"))
from cases import case  # type: ignore[import-not-found]  # noqa: E402

Compile = Callable[..., dict[str, Kernel]]


@pytest.fixture(scope="module", params=["sm_80", "sm_90"])
def kernels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compile]:
    """Makes the code of a compiled function on some inputs: its kernels."""
    before = nx.current_device()
    named = os.environ.get("NEURENIX_NVRTC")
    os.environ["NEURENIX_NVRTC"] = str(installed_nvrtc())
    nx.init({"device": DEVICE})

    def made(compiled: nx.Compiled, *arrays: np.ndarray) -> dict[str, Kernel]:
        plan = captured_plan(compiled, [nx.tensor(array) for array in arrays])
        text = made_source(plan)
        cubin: Path = tmp_path_factory.mktemp("made") / "code.cubin"
        cubin.write_bytes(compile_source(text, request.param))
        found = kernels_of(cubin)
        assert len(found) == text.count("KERNEL(phynexus_made_")
        assert all(name.startswith("phynexus_made_") for name in found)
        return found

    yield made
    nx.init({"device": before})
    del os.environ["NEURENIX_NVRTC"]
    if named is not None:
        os.environ["NEURENIX_NVRTC"] = named


def numbers(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def test_a_chain_is_contracted_by_nobody(kernels: Compile) -> None:
    x = numbers(50, 40)
    (chain,) = kernels(nx.compile(lambda x, y, z: x * y + z), x, x, x).values()
    # a thread has four elements
    assert chain.count("FMUL") == chain.count("FADD") == 4
    assert chain.count("FFMA") == 0
    assert (chain.stack, chain.local) == (0, 0)
    assert chain.registers <= 64


def test_a_reduction_stays_in_registers(kernels: Compile) -> None:
    total = nx.compile(lambda x: (x * x).sum(dim=1))
    (reduction,) = kernels(total, numbers(30, 400)).values()
    assert reduction.count("SHFL") > 0
    assert reduction.count("FFMA") == 0
    assert (reduction.stack, reduction.local) == (0, 0)
    assert reduction.registers <= 64


def test_a_task_has_no_more_registers_than_two_blocks_share(kernels: Compile) -> None:
    workload = case("w1")
    found = kernels(workload.step, *workload.batch())
    (task,) = (k for k in found.values() if k.count("BAR") > 100)
    assert task.registers <= 128
    # what calls pass beside registers, and nothing else
    assert task.stack <= 128
    assert task.local == 0
    assert task.count("FFMA") > 150
    for kernel in found.values():
        if kernel is not task:
            assert (kernel.stack, kernel.local) == (0, 0)
