"""Workers are alike; flat buffers of several dtypes; what cannot be sent, by path."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import meta, nn
from neurenix.errors import DeviceError, InvalidArgumentError
from neurenix.meta.distributed.flat import Layout, packed, tensors_of, unpacked
from neurenix.meta.distributed.messages import About, Pupil
from neurenix.meta.distributed.same import check_same
from neurenix.meta.distributed.shipping import shipped

PYTHON = ".".join(map(str, sys.version_info[:2]))


def about(**other: str) -> About:
    like = About(nx.__version__, PYTHON, "cpu", "machine-7", 42)
    return like._replace(**other)


def test_workers_that_are_alike() -> None:
    check_same([about(), about(host="another")], "cpu")


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        (
            {"neurenix": "0.0.9"},
            InvalidArgumentError,
            r"machine-7 .*has Neurenix 0\.0\.9, and this process",
        ),
        ({"python": "3.8"}, InvalidArgumentError, r"machine-7 .*runs Python 3\.8"),
        ({"device": "cuda"}, DeviceError, r"machine-7 .*type cuda, and cpu is wanted"),
    ],
    ids=["version", "python", "device"],
)
def test_a_worker_that_is_not(
    other: dict[str, str], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        check_same([about(), about(**other)], "cpu")


@pytest.mark.parametrize("dtypes", [[nx.float32], [nx.float32, nx.uint32, nx.float64]])
def test_flat_buffers_and_back(dtypes: list[nx.Dtype]) -> None:
    rng = np.random.default_rng(0)
    given = [
        nx.tensor(rng.integers(0, 100, shape), dtype=dtype)
        for shape in ((2, 3), (), (5,), (0, 2))
        for dtype in dtypes
    ]
    layout = Layout.of(given)
    buffer = layout.joined([part.numpy() for part in packed(given)])
    assert buffer.dtype == np.uint8
    again = pickle.loads(pickle.dumps(layout))
    assert again == layout
    back = unpacked(list(tensors_of(again, buffer)), again)
    for x, y in zip(given, back, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x.numpy(), y.numpy())


class Store:
    """Ray's object store, as far as sending goes."""

    class cloudpickle:
        dumps = staticmethod(pickle.dumps)

    @staticmethod
    def put(value: object) -> bytes:
        return pickle.dumps(value)


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
        self.notes: dict[str, Any] = {"fine": 1, "open": threading.Lock()}


def test_the_path_to_what_cannot_be_sent() -> None:
    learner = meta.MAML(Deep(), 0.1)
    with pytest.raises(
        InvalidArgumentError, match=r"MAML\.model\.notes\['open'\] is a"
    ):
        shipped(Store, Pupil(learner, ()))
    learner.model.notes.clear()
    assert shipped(Store, Pupil(learner, ()))
