"""Each test that asks for `device` runs on every device that is here."""

import pytest

import neurenix as nx

DEVICES = ["reference"] + [d for d in ("cpu",) if nx.get_device_count(d)]


@pytest.fixture(params=DEVICES)
def device(request):
    nx.init({"device": request.param})
    return request.param


@pytest.fixture
def compiled_device():
    """The best device: for tests that train."""
    nx.init({"device": DEVICES[-1]})
    return DEVICES[-1]
