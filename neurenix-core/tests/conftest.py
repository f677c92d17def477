"""Each test that asks for `device` runs on every device that is here."""

from __future__ import annotations

import pytest

import neurenix as nx

DEVICES = ["reference"] + [d for d in ("cpu",) if nx.get_device_count(d)]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    nx.init({"device": request.param})
    return str(request.param)
