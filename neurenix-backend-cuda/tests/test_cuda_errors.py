"""Each error of the CUDA driver, where memory is taken, kernels are launched and the
host waits: it has its name, its number and what to do, and work goes on."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import pytest
from cuda_emulated import register
from device_for_a_while import device_for_a_while
from fake_driver import Error, errors, fake_driver

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, OutOfMemoryError

DEVICE = register()
ERRORS = errors()
OUT_OF_MEMORY = 2


@pytest.fixture(scope="module")
def driver() -> Iterator[ctypes.CDLL]:
    with fake_driver() as library, device_for_a_while(DEVICE):
        yield library


def work() -> None:
    x = nx.tensor(np.arange(4096, dtype=np.float32))
    assert (x + x).numpy()[-1] == 8190
    discovery.backend(DEVICE).synchronize(0)


def test_the_table_has_each_number_once() -> None:
    assert len({error.number for error in ERRORS}) == len(ERRORS) >= 50
    assert all(error.name.startswith("CUDA_ERROR_") for error in ERRORS)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([46, 999], "nvidia-smi -q -d COMPUTE"),
        ([101], "CUDA_VISIBLE_DEVICES"),
        ([209, 222], "-DPHYNEXUS_CUDA_ARCHITECTURES"),
        ([214], "memory has an error"),
        ([700, 715, 716, 717, 718, 719], "NEURENIX_DEBUG=1"),
        ([702], "drives a screen"),
        ([802], "nvidia-fabricmanager"),
        ([803], "different releases"),
    ],
)
def test_what_users_meet_has_a_remedy(numbers: list[int], told: str) -> None:
    remedies = {error.number: error.remedy for error in ERRORS}
    assert all(told in remedies[number] for number in numbers)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.name)
@pytest.mark.parametrize(
    "function", ["cuMemHostAlloc", "cuLaunchKernel", "cuStreamSynchronize"]
)
def test_an_error_has_its_name_and_what_to_do(
    driver: ctypes.CDLL, function: str, error: Error
) -> None:
    # what was kept for later use is gone with the device: each function is called anew
    driver.phynexus_fake_fault(1, 700)
    with pytest.raises(BackendError, match="was lost"):
        work()
    nx.init({"device": DEVICE})
    driver.phynexus_fake_fail(function.encode(), 1, error.number)
    kind = OutOfMemoryError if error.number == OUT_OF_MEMORY else BackendError
    if kind is OutOfMemoryError and function != "cuStreamSynchronize":
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


def test_a_number_that_is_in_no_table(driver: ctypes.CDLL) -> None:
    driver.phynexus_fake_fail(b"cuLaunchKernel", 1, 12345)
    with pytest.raises(BackendError, match=r"an unknown error \(12345\)"):
        work()
    work()


def test_a_card_that_stays_lost_says_that_a_new_process_may_have_it(
    driver: ctypes.CDLL,
) -> None:
    driver.phynexus_fake_set(b"gone", 1)
    driver.phynexus_fake_fault(1, 700)
    with pytest.raises(
        BackendError, match=r"nx\.init, which may open it again \(if not"
    ):
        work()
    with pytest.raises(BackendError, match=r"not open again: .*a new process may have"):
        nx.init({"device": DEVICE})
    driver.phynexus_fake_set(b"gone", 0)
    nx.init({"device": DEVICE})
    work()
