"""nx.synchronize: waits for the device that is meant, and hands on its error."""

from __future__ import annotations

import pytest

import neurenix as nx
from neurenix.backends import discovery
from neurenix.errors import BackendError, DeviceError, InvalidArgumentError


def test_work_is_done_when_it_returns(device: str) -> None:
    x = nx.arange(4.0) + 1
    nx.synchronize()
    nx.synchronize(device)
    nx.synchronize(nx.Device(device))
    assert x.tolist() == [1, 2, 3, 4]


def test_it_waits_for_the_device_that_is_named(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def fail(index: int) -> None:
        waited.append(index)
        raise BackendError("the device was lost")

    monkeypatch.setattr(discovery.backend(device), "synchronize", fail)
    for given in (None, device, f"{device}:0"):
        with pytest.raises(BackendError, match="the device was lost"):
            nx.synchronize(given)
    assert waited == [0, 0, 0]


def test_devices_that_are_not_there(device: str) -> None:
    with pytest.raises(DeviceError, match=f"synchronize: there is no device {device}"):
        nx.synchronize(f"{device}:99")
    with pytest.raises(DeviceError, match="'no-such-device' is absent"):
        nx.synchronize("no-such-device")
    with pytest.raises(InvalidArgumentError, match="expected a name"):
        nx.synchronize(3)  # type: ignore[arg-type]
