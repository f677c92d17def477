"""An engine that is opened on a context which others of the process have broken."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from cuda_emulated import DEVICE, library, require_built
from fake_library import fake_driver

import neurenix as nx
from neurenix.backends import Available, discovery
from neurenix.errors import BackendError, OutOfMemoryError
from neurenix.phynexus import NativeBackend
from neurenix.primitives import TensorType

THREE = TensorType((3,), nx.float32)


@pytest.fixture
def driver() -> Iterator[ctypes.CDLL]:
    require_built()
    with fake_driver() as library:
        yield library
    # other tests of this process may have been on that device too: they are told once
    if isinstance(discovery.state(DEVICE), Available):
        with suppress(BackendError):
            discovery.backend(DEVICE).configure({})


def ones(backend: NativeBackend) -> list[float]:
    buffer = backend.upload(np.ones(3, np.float32), THREE, 0)
    found: list[float] = backend.download(buffer, THREE).tolist()
    return found


@pytest.mark.parametrize("code", [400, 700, 999])
def test_it_is_reset_and_opened(driver: ctypes.CDLL, code: int) -> None:
    other = NativeBackend(library())
    assert ones(other) == [1, 1, 1]
    driver.phynexus_fake_set(b"broken", code)
    assert ones(NativeBackend(library())) == [1, 1, 1]
    # what the other one had is gone, and says so
    with pytest.raises(BackendError, match="another engine of this process"):
        ones(other)
    assert ones(other) == [1, 1, 1]


@pytest.mark.parametrize("code", [400, 700, 999])
def test_one_that_stays_broken_says_why(driver: ctypes.CDLL, code: int) -> None:
    kept = NativeBackend(library())
    ones(kept)
    driver.phynexus_fake_set(b"broken", code)
    driver.phynexus_fake_set(b"gone", 1)
    with pytest.raises(BackendError, match=rf"cu\w+ failed: .*\({code}\)"):
        ones(NativeBackend(library()))
    driver.phynexus_fake_set(b"gone", 0)
    assert ones(NativeBackend(library())) == [1, 1, 1]


GIVEN_BACK = (
    *(b"cuStreamDestroy_v2", b"cuEventDestroy_v2", b"cuModuleUnload"),
    *(b"cuGraphExecDestroy", b"cuMemFree_v2", b"cuMemFreeHost"),
)


@pytest.mark.parametrize("code", [201, 709])
def test_what_went_with_anothers_reset_is_not_given_back(
    driver: ctypes.CDLL, code: int
) -> None:
    backend = NativeBackend(library())
    assert ones(backend) == [1, 1, 1]
    before = [driver.phynexus_fake_calls(name) for name in GIVEN_BACK]
    driver.phynexus_fake_set(b"broken", code)
    with pytest.raises(BackendError, match=rf"lost: .*\({code}\), .*another library"):
        ones(backend)
    assert [driver.phynexus_fake_calls(name) for name in GIVEN_BACK] == before
    assert ones(backend) == [1, 1, 1]


def test_one_call_that_fails_throws_nothing_away(driver: ctypes.CDLL) -> None:
    other = NativeBackend(library())
    kept = other.upload(np.ones(3, np.float32), THREE, 0)
    driver.phynexus_fake_fail(b"cuStreamCreate", 1, 999)
    with pytest.raises(
        BackendError, match=r"Emulated GPU 0 does not open: cuStreamCreate.*\(999\)"
    ):
        ones(NativeBackend(library()))
    assert other.download(kept, THREE).tolist() == [1, 1, 1]


def test_a_full_device_does_not_open(driver: ctypes.CDLL) -> None:
    driver.phynexus_fake_fail(b"cuStreamCreate", 1, 2)
    with pytest.raises(OutOfMemoryError, match=r"does not open: cuStreamCreate.*\(2\)"):
        ones(NativeBackend(library()))
    assert ones(NativeBackend(library())) == [1, 1, 1]


def test_a_count_that_fails_says_so(driver: ctypes.CDLL) -> None:
    backend = NativeBackend(library())
    assert backend.device_count() == 1
    driver.phynexus_fake_fail(b"cuDeviceGetCount", 1, 999)
    with pytest.raises(BackendError, match=r"cuDeviceGetCount failed: .*\(999\)"):
        backend.device_count()
    driver.phynexus_fake_set(b"devices", 0)
    assert backend.device_count() == 0
