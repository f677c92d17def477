"""Each error of the CUDA driver, where memory is taken, kernels are launched and the
host waits."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from cuda_emulated import register
from device_for_a_while import device_for_a_while
from driver_errors import check_error, check_unknown_number, work
from fake_library import Error, fake_driver

import neurenix as nx
from neurenix.errors import BackendError

DEVICE = register()
ERRORS = fake_driver.errors()


@pytest.fixture(scope="module")
def driver() -> Iterator[ctypes.CDLL]:
    with fake_driver() as library, device_for_a_while(DEVICE):
        yield library


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
    check_error(
        driver, DEVICE, function, error, waits=function == "cuStreamSynchronize"
    )


def test_a_number_that_is_in_no_table(driver: ctypes.CDLL) -> None:
    check_unknown_number(driver, DEVICE, "cuLaunchKernel")


def test_a_card_that_stays_lost_says_that_a_new_process_may_have_it(
    driver: ctypes.CDLL,
) -> None:
    driver.phynexus_fake_set(b"gone", 1)
    driver.phynexus_fake_fault(1, 700)
    with pytest.raises(
        BackendError, match=r"nx\.init, which may open it again \(if not"
    ):
        work(DEVICE)
    with pytest.raises(BackendError, match=r"not open again: .*a new process may have"):
        nx.init({"device": DEVICE})
    driver.phynexus_fake_set(b"gone", 0)
    nx.init({"device": DEVICE})
    work(DEVICE)
