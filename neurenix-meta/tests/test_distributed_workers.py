"""Workers are alike; flat buffers of several dtypes; what cannot be sent, by path."""

from __future__ import annotations

import ctypes
import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import meta, nn, optim
from neurenix.devices import Device
from neurenix.errors import DeviceError, InvalidArgumentError, WorkerError
from neurenix.meta.distributed.about import (
    about_here,
    code_digest,
    digest_of_files,
)
from neurenix.meta.distributed.flat import Layout, packed, tensors_of, unpacked
from neurenix.meta.distributed.messages import About, Pupil
from neurenix.meta.distributed.same import check_same
from neurenix.meta.distributed.shipping import shipped
from neurenix.meta.distributed.worker import Worker

PYTHON = ".".join(map(str, sys.version_info[:2]))


def about(**other: Any) -> About:
    bits = {"instruction set": "avx512", "engine": "7"}
    like = About(nx.__version__, "a1b2", PYTHON, "cpu", bits, "machine-7", 42)
    return like._replace(**other)


def test_workers_that_are_alike() -> None:
    check_same(about(host="another", process=1), about(), "this process")
    for unknown in (about(bits=None), about(bits={})):
        check_same(unknown, about(bits=None), "this process")


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        (
            {"neurenix": "0.0.9"},
            InvalidArgumentError,
            r"machine-7 .*has Neurenix 0\.0\.9, and this process",
        ),
        ({"code": "c3d4"}, InvalidArgumentError, r"machine-7 .*but of other files: .*"),
        ({"python": "3.8"}, InvalidArgumentError, r"machine-7 .*runs Python 3\.8"),
        ({"device": "cuda"}, DeviceError, r"machine-7 .*type cuda, and cpu is wanted"),
        (
            {"bits": {"instruction set": "avx2", "engine": "7"}},
            DeviceError,
            r"machine-7 .*on cpu with instruction set: avx2, and this process with "
            "instruction set: avx512, which gives other bits",
        ),
        (
            {"bits": {"instruction set": "avx512", "engine": "7", "sums": "plain"}},
            DeviceError,
            "with sums: plain, and this process with sums: none",
        ),
        ({"bits": {}}, DeviceError, "set: none, and this process with .*set: avx512"),
    ],
    ids=["version", "files", "python", "device", "bits", "more", "nothing"],
)
def test_a_worker_that_is_not(
    other: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        check_same(about(**other), about(), "this process")


def test_a_worker_of_another_state_of_the_code_is_heard() -> None:
    """Which has other fields than this one."""
    said = {**about()._asdict(), "colour": "red"}
    del said["code"]
    with pytest.raises(InvalidArgumentError, match="but of other files"):
        check_same(About.heard(said), about(), "this process")


def test_a_worker_says_what_it_is() -> None:
    said = About.heard(Worker().start("reference", None))
    assert said.bits is not None and said.bits["NumPy"] == np.__version__
    check_same(said, about_here(Device("reference")), "this process")


def test_the_digest_of_files_is_of_their_names_and_texts(tmp_path: Path) -> None:
    def digest(**files: bytes) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in files.items():
            path = folder / name.replace("_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".py").write_bytes(text)
        return digest_of_files([folder])

    first = digest(a=b"x = 1\n", b_c=b"y = 2\n")
    assert digest(b_c=b"y = 2\r\n", a=b"x = 1\r\n") == first
    others = [
        digest(a=b"x = 1\n", b_c=b"y = 3\n"),
        digest(a=b"x = 1\n", c=b"y = 2\n"),
        digest(a=b"x = 1\n"),
        digest(a=b"x = 1\ny = 2\n", b_c=b""),
    ]
    assert len({first, *others}) == 5
    # as in a clone, and as wheels unpack: in several folders, and in one
    (tmp_path / "one" / "b").mkdir(parents=True)
    (tmp_path / "one" / "a.py").write_bytes(b"x = 1\n")
    (tmp_path / "two" / "b").mkdir(parents=True)
    (tmp_path / "two" / "b" / "c.py").write_bytes(b"y = 2\n")
    assert digest_of_files([tmp_path / "one", tmp_path / "two"]) == first
    assert code_digest() == digest_of_files(map(Path, nx.__path__))


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

    class exceptions:
        class RayError(Exception):
            """The base of all that Ray raises."""

    @staticmethod
    def put(value: object) -> bytes:
        try:
            return pickle.dumps(value)
        except TypeError as error:  # as Ray does, with what the value says of itself
            text = f"Could not serialize the put value {value!r:.40}:\n{error}"
            raise TypeError(text) from error


class Deep(nn.Module):
    def __init__(self, held: object) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
        self.notes: dict[str, Any] = {"fine": 1, "open": held}


class Refuses:
    """Says so in its own way when it is copied."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (threading.Lock(), r"'open'\] is a lock.*\(cannot pickle '_thread.lock'"),
        (ctypes.pointer(ctypes.c_int(1)), r"'open'\] is a LP_c_int.*\(ctypes objects "),
        (lambda: 0, r"'open'\] is a function.*lambda"),
        (Refuses(NotImplementedError("never")), r"'open'\] is a Refuses.*\(never\)"),
        (Refuses(RuntimeError("not now")), r"'open'\] is a Refuses.*\(not now\)"),
    ],
    ids=["lock", "pointer", "lambda", "not implemented", "runtime"],
)
def test_the_path_to_what_cannot_be_sent(held: object, message: str) -> None:
    learner = meta.MAML(Deep(held), 0.1)
    with pytest.raises(InvalidArgumentError, match=rf"MAML\.model\.notes\[{message}"):
        shipped(Store, Pupil(learner, ()))
    learner.model.notes.clear()
    assert shipped(Store, Pupil(learner, ()))


class Watched(optim.SGD):
    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.1)
        self.lock = threading.Lock()


def test_an_optimizer_that_cannot_be_sent() -> None:
    """Workers that step apart have it, too."""
    learner = meta.Reptile(nn.Linear(2, 2))
    pupil = Pupil(learner, (), Watched(learner.parameters()))
    with pytest.raises(InvalidArgumentError, match=r"Watched\.lock is a lock"):
        shipped(Store, pupil)


def test_a_store_that_is_full_is_named() -> None:
    class Full(Store):
        @staticmethod
        def put(value: object) -> bytes:
            raise Store.exceptions.RayError("Failed to put the object.\nMore of it.")

    with pytest.raises(WorkerError, match=r"told: .*\(Failed to put the object\.\)"):
        shipped(Full, 1)
