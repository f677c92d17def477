"""Each test that asks for `device` runs on every device that is here."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

import neurenix as nx

DEVICES = ["reference"] + [d for d in ("cpu",) if nx.get_device_count(d)]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    nx.init({"device": request.param})
    return str(request.param)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c() -> Iterator[None]:
    """Shells start what runs in the background with SIGINT ignored, and children
    inherit that: tests that send it would wait for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
