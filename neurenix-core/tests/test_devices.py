"""Devices by name, by object and by type: every door takes all of them alike."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import array_api
from neurenix.backends import API_VERSION, Available, BackendInfo, discovery
from neurenix.backends.reference import ReferenceBackend
from neurenix.devices import Device, DeviceType, parse_device
from neurenix.errors import DeviceError, InvalidArgumentError


class Pair(ReferenceBackend):
    """A type of two devices."""

    def device_count(self) -> int:
        return 2


@pytest.fixture(autouse=True)
def pair() -> None:
    if not isinstance(discovery.state("pair"), Available):
        discovery.add(BackendInfo("pair", API_VERSION, "t", 0, lambda: 2, Pair))


def test_one_object_for_each() -> None:
    second = Device("pair", 1)
    same = (
        Device("pair:1"),
        Device(DeviceType("pair"), np.int64(1)),
        Device("pair:1", 1),
    )
    copies = copy.deepcopy(second), pickle.loads(pickle.dumps(second))
    for one in (*same, *copies, parse_device("pair:1"), parse_device(second)):
        assert one is second
    assert (second.type, second.index, str(second)) == ("pair", 1, "pair:1")
    assert Device("pair") is Device("pair", 0) is not second


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("pair:1", 0), r"Device\('pair:1', 0\): two numbers"),
        (("pair", -1), "index=-1"),
        (("pair", 1.5), "index=1.5"),
        (("pair", True), "index=True"),
        (("Pair:x",), "device 'Pair:x': expected a name such as"),
        ((3,), "device 3: expected a name"),
    ],
)
def test_what_is_none_is_refused(given: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Device(*given)


def moved(device: Any) -> Device | None:
    net = nx.nn.Linear(2, 2).to(device)
    return net.weight.device


def chosen(device: Any) -> Device | None:
    before = nx.current_device()
    try:
        assert nx.init({"device": device}) is nx.current_device()
        return nx.ones(2).device
    finally:
        nx.init({"device": before})


DOORS: dict[str, Callable[[Any], Device | None]] = {
    "init": chosen,
    "tensor": lambda device: nx.tensor([1.0], device=device).device,
    "ones": lambda device: nx.ones(2, device=device).device,
    "arange": lambda device: nx.arange(2.0, device=device).device,
    "to": lambda device: nx.ones(2).to(device).device,
    "module": moved,
    "dlpack": lambda device: nx.from_dlpack(np.ones(2), device=device).device,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("given", ["pair:1", Device("pair", 1), Device("pair:1")])
def test_every_door_keeps_the_number(door: str, given: Any) -> None:
    assert DOORS[door](given) is Device("pair", 1)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("given", ["pair", DeviceType("pair"), Device("pair")])
def test_a_type_is_its_first_device(door: str, given: Any) -> None:
    assert DOORS[door](given) is Device("pair", 0)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("given", ["pair:7", Device("pair", 7)])
def test_every_door_refuses_one_that_is_not_there(door: str, given: Any) -> None:
    with pytest.raises(DeviceError, match=r"no device pair:7; pair has 2 \(0 to 1\)"):
        DOORS[door](given)


def test_those_that_ask_only() -> None:
    info = array_api.__array_namespace_info__()
    assert "float32" in info.dtypes(device=Device("pair", 1))
    with pytest.raises(DeviceError, match="no device pair:7"):
        info.dtypes(device="pair:7")
    assert nx.get_device_count("pair") == nx.get_device_count(DeviceType("pair")) == 2
    wrong: tuple[Any, ...] = "pair:1", Device("pair", 1)
    for given in wrong:
        with pytest.raises(InvalidArgumentError, match="is no device type"):
            nx.get_device_count(given)
