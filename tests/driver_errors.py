"""What an emulated engine does at an error of its driver, for any vendor's: it has its
name, its number and what to do, and work goes on."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from fake_library import ILLEGAL_ADDRESS, Error

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, OutOfMemoryError

OUT_OF_MEMORY = 2


def work(device: str) -> None:
    x = nx.tensor(np.arange(4096, dtype=np.float32), device=f"{device}:0")
    assert (x + x).numpy()[-1] == 8190
    discovery.backend(device).synchronize(0)


def check_error(
    driver: ctypes.CDLL, device: str, function: str, error: Error, waits: bool
) -> None:
    """`function` fails with it; `waits`: that one takes no memory, which could be had
    at a second call."""
    # what was kept for later use is gone with the device: each function is called anew
    driver.phynexus_fake_fault(1, ILLEGAL_ADDRESS)
    with pytest.raises(BackendError, match="was lost"):
        work(device)
    nx.init({"device": device})
    driver.phynexus_fake_fail(function.encode(), 1, error.number)
    kind = OutOfMemoryError if error.number == OUT_OF_MEMORY else BackendError
    if kind is OutOfMemoryError and not waits:
        work(device)  # memory that was kept is given back, and the call made again
        return
    with pytest.raises(kind) as caught:
        work(device)
    message = str(caught.value)
    assert f"{function} failed: {error.name} ({error.number}), " in message
    assert error.remedy in message
    assert ("was lost" in message) == error.lost
    nx.init({"device": device})
    work(device)


def check_unknown_number(driver: ctypes.CDLL, device: str, function: str) -> None:
    """That no table has."""
    driver.phynexus_fake_fail(function.encode(), 1, 12345)
    with pytest.raises(BackendError, match=r"an unknown error \(12345\)"):
        work(device)
    work(device)
