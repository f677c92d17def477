"""Each error of the HIP runtime, where memory is taken, kernels are launched and the
host waits."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from device_for_a_while import device_for_a_while
from driver_errors import check_error, check_unknown_number
from fake_library import Error, fake_runtime
from rocm_emulated import register

DEVICE = register()
ERRORS = fake_runtime.errors()


@pytest.fixture(scope="module")
def runtime() -> Iterator[ctypes.CDLL]:
    with fake_runtime() as library, device_for_a_while(DEVICE):
        yield library


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
    check_error(
        runtime, DEVICE, function, error, waits=function == "hipStreamSynchronize"
    )


def test_a_number_that_is_in_no_table(runtime: ctypes.CDLL) -> None:
    check_unknown_number(runtime, DEVICE, "hipModuleLaunchKernel")
