"""Each error of the HIP runtime, where memory is taken, kernels are launched and the
host waits: it has its name, its number and what to do, and work goes on."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest
from device_for_a_while import device_for_a_while
from fake_runtime import Error, errors, fake_runtime
from rocm_emulated import register

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, OutOfMemoryError

DEVICE = register()
ERRORS = errors()
OUT_OF_MEMORY = 2


@pytest.fixture(scope="module")
def runtime() -> Iterator[ctypes.CDLL]:
    with fake_runtime() as library, device_for_a_while(DEVICE):
        yield library


def work() -> None:
    x = nx.tensor(np.arange(4096, dtype=np.float32))
    assert (x + x).numpy()[-1] == 8190
    discovery.backend(DEVICE).synchronize(0)


def test_the_table_has_each_number_once() -> None:
    assert len({error.number for error in ERRORS}) == len(ERRORS) >= 40
    assert all(error.name.startswith("hipError") for error in ERRORS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.name)
@pytest.mark.parametrize(
    "function", ["hipHostMalloc", "hipModuleLaunchKernel", "hipStreamSynchronize"]
)
def test_an_error_has_its_name_and_what_to_do(
    runtime: ctypes.CDLL, function: str, error: Error
) -> None:
    # what was kept for later use is gone with the device: each function is called anew
    runtime.phynexus_fake_fault(1, 700)
    with pytest.raises(BackendError, match="was lost"):
        work()
    nx.init({"device": DEVICE})
    runtime.phynexus_fake_fail(function.encode(), 1, error.number)
    kind = OutOfMemoryError if error.number == OUT_OF_MEMORY else BackendError
    if kind is OutOfMemoryError and function != "hipStreamSynchronize":
        work()  # memory that was kept is given back, and the call made again
        return
    with pytest.raises(kind) as caught:
        work()
    message = str(caught.value)
    assert f"{function} failed: {error.name} ({error.number}), " in message
    assert error.remedy in message
    assert ("was lost" in message) == error.lost
    nx.init({"device": DEVICE})
    work()


def test_a_number_that_is_in_no_table(runtime: ctypes.CDLL) -> None:
    runtime.phynexus_fake_fail(b"hipModuleLaunchKernel", 1, 12345)
    with pytest.raises(BackendError, match=r"an unknown error \(12345\)"):
        work()
    work()
