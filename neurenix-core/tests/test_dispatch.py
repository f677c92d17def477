"""What an operation depends on: the caches between a call and its executable may never
take one thing for another."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import DeviceError, DtypeError


def test_numbers_that_are_equal_and_differ(device: str) -> None:
    x = nx.tensor([1.0, -1.0])
    for zero in (0.0, -0.0, 0.0, -0.0, 0, np.float32(-0.0)):
        signs = np.signbit((x * zero).numpy()).tolist()
        negative = math.copysign(1.0, zero) < 0
        assert signs == [negative, not negative]
    whole = nx.tensor([3])
    assert (whole * 1).dtype is nx.int32 and (whole * 1.0).dtype is nx.float32
    assert (whole * True).dtype is nx.int32
    assert np.isnan((x * math.nan).numpy()).all()
    wide = nx.tensor([1.0], dtype="float64")
    assert (wide * 0.1).item() == 0.1
    assert (wide * np.float32(0.1)).item() == float(np.float32(0.1))
    with pytest.raises(DtypeError, match="does not fit"):
        nx.tensor([1], dtype="uint8") + 1000


def test_parameters_types_and_devices_are_told_apart(device: str) -> None:
    x = nx.tensor(np.arange(6.0).reshape(2, 3))
    for _ in range(2):
        assert x.sum(0).tolist() == [3.0, 5.0, 7.0] and x.sum(1).tolist() == [3.0, 12.0]
        assert x.reshape(3, 2).sum(0).tolist() == [6.0, 9.0]
        assert x.double().sum(0).dtype is nx.float64
    there = x.to("reference")
    assert (there + there).device == nx.Device(nx.DeviceType("reference"))
    if device != "reference":
        assert str((x + x).device) == f"{device}:0"
        for a, b in ((x, there), (there, x)):
            with pytest.raises(DeviceError, match="its inputs live on"):
                a + b


def test_there_is_one_object_for_a_device() -> None:
    one = nx.Device(nx.DeviceType("mychip"), 1)
    same = [nx.Device("mychip", 1), copy.deepcopy(one), pickle.loads(pickle.dumps(one))]
    assert all(d is one for d in same) and isinstance(one.type, nx.DeviceType)
    assert one != nx.Device(nx.DeviceType("mychip"))
    assert repr(one) == "Device(type=DeviceType('mychip'), index=1)"


def test_a_cell_on_the_tape_keeps_the_value_that_it_had(device: str) -> None:
    cell = nx.nn.Parameter([3.0])
    y = cell * cell
    cell.assign([5.0])
    y.backward(nx.ones(1))
    assert cell.grad is not None and cell.grad.tolist() == [6.0]


def test_threads_share_the_executable_of_an_operation(device: str) -> None:
    barrier = threading.Barrier(4)

    def work(k: int) -> bool:
        x = nx.full((1000,), float(k))
        barrier.wait()
        return all((x * x + x).tolist() == [k * k + k] * 1000 for _ in range(50))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [True] * 4
