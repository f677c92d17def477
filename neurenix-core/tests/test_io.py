"""Saving and loading: what comes back, and what is said where it cannot."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    DtypeError,
    FileFormatError,
    InvalidArgumentError,
    MissingPackageError,
    StorageError,
)

pytestmark = pytest.mark.usefixtures("device")
safetensors_numpy = pytest.importorskip(
    "safetensors.numpy", reason="the package safetensors is not installed"
)


def test_a_training_state_comes_back(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    net(nx.ones(4, 2)).sum().backward()
    optimizer.step()
    schedule = optim.StepLR(optimizer, 2)
    path = tmp_path / "state.safetensors"
    state = {
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
    }
    nx.save(state, path)
    loaded = nx.load(path)
    assert loaded["schedule"] == schedule.state_dict()
    for part in ("model", "optimizer"):
        for name, value in state[part].items():
            assert (
                np.array_equal(loaded[part][name].numpy(), value.numpy())
                and loaded[part][name].type == value.type
            )
    other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    other.load_state_dict(loaded["model"])
    optim.Adam(other.parameters()).load_state_dict(loaded["optimizer"])
    assert os.listdir(tmp_path) == ["state.safetensors"]


def test_every_kind_of_leaf_and_dtype(tmp_path: Path) -> None:
    dtypes = [
        "float32",
        "float64",
        "float16",
        "int32",
        "int64",
        "uint8",
        "uint32",
        "bool",
    ]
    tensors = {
        d: nx.tensor([[0, 1], [1, 1]], dtype=d) for d in dtypes if d != "float16"
    }
    state = {
        **tensors,
        "empty": nx.zeros(0, 3),
        "scalar": nx.tensor(2.5),
        "array": np.arange(3, dtype=np.int64),
        "tree": [1, (2.5, None, "text", True), {"nested": {}}],
        "number": np.float32(0.5),
        "infinite": float("-inf"),
        "a.b": nx.ones(1),
        "a": {"b": nx.zeros(1)},
        "parameter": nn.Parameter([1.0]),
    }
    nx.save(state, str(tmp_path / "x"))
    loaded = nx.load(str(tmp_path / "x"))
    assert list(loaded) == list(state)
    assert {d: loaded[d].dtype.name for d in tensors} == {d: d for d in tensors}
    assert all(np.array_equal(loaded[d].numpy(), t.numpy()) for d, t in tensors.items())
    assert (
        loaded["empty"].shape == (0, 3)
        and loaded["scalar"].shape == ()
        and loaded["array"].dtype is nx.int64
    )
    assert loaded["tree"] == [1, (2.5, None, "text", True), {"nested": {}}]
    assert (loaded["number"], loaded["infinite"]) == (0.5, float("-inf"))
    assert loaded["a.b"].tolist() == [1.0] and loaded["a"]["b"].tolist() == [0.0]
    assert (
        type(loaded["parameter"]) is nx.Tensor and not loaded["parameter"].requires_grad
    )


def test_files_of_others_are_read_and_ours_by_others(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    safetensors_numpy.save_file({"w": np.ones((2, 2), np.float32)}, path)
    assert nx.load(path)["w"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    net = nn.Linear(2, 1)
    nx.save(net.state_dict(), path)
    theirs = safetensors_numpy.load_file(path)
    assert np.array_equal(theirs["weight"], net.weight.numpy()) and set(theirs) == {
        "weight",
        "bias",
    }
    safetensors_numpy.save_file({"w": np.ones(2, np.int16)}, path)
    with pytest.raises(DtypeError, match=r"load: w in .*int16"):
        nx.load(path)


def test_a_failed_save_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    nx.save({"x": nx.ones(1)}, path)

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StorageError, match=r"cannot write .*state: No space left"):
        nx.save({"x": nx.zeros(1)}, path)
    monkeypatch.undo()
    assert nx.load(path)["x"].tolist() == [1.0] and os.listdir(tmp_path) == ["state"]


def test_what_no_file_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for state, message in (
        (
            {"net": nn.Linear(1, 1)},
            r"net is a Linear, which no file can hold; save its state_dict\(\)",
        ),
        ({"a": [1, {2, 3}]}, "a.1 is a set"),
        ({"a": {1: 2}}, "a has the key 1; keys are strings"),
        ({"a": np.array(["text"])}, "a: unknown dtype"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            nx.save(state, path)
    assert not path.exists()


def test_what_is_saved_loads_as_equal(tmp_path: Path) -> None:
    path = tmp_path / "state"
    numbers = np.arange(6.0).reshape(2, 3)
    for value, expected in (
        (numbers.astype(">f8"), numbers),
        (numbers.astype(">f4"), numbers.astype("f4")),
        (np.array([1, -2], ">i8"), np.array([1, -2])),
        (numbers.T, numbers.T),
        (numbers[:, ::-2], numbers[:, ::-2]),
        (np.array(2.0), np.array(2.0)),
        (np.zeros((0, 2)), np.zeros((0, 2))),
    ):
        for name in ("x", "__metadata__", "", "a\0b", "ü😀", '"\\'):
            nx.save({name: value, "in": {name: value}}, path)
            loaded = nx.load(path)
            for found in (loaded[name], loaded["in"][name]):
                assert np.array_equal(found.numpy(), expected)
                assert found.dtype.name == expected.dtype.name
    for value in (
        2**70,
        -(2**1999),
        -0.0,
        5e-324,
        float("inf"),
        "ü\0😀",
        np.str_("text"),
        np.float32(0.1),
        np.int64(-(2**63)),
        np.bool_(True),
        (),
        [],
        {},
        ((1, [2]), {"": {}}),
    ):
        nx.save([value], path)
        (found,) = nx.load(path)
        assert found == value and repr(found) == repr(
            value.item() if isinstance(value, np.generic) else value
        )
    nx.save(np.nan, path)
    assert np.isnan(nx.load(path))


def _itself() -> list[Any]:
    tree: list[Any] = []
    tree.append(tree)
    return tree


def test_what_could_not_be_loaded_is_refused_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    nx.save({"old": 1}, path)
    content = path.read_bytes()
    for value, message in (
        ("\ud800", r"a is '\\ud800', which is no valid Unicode"),
        ("\ud83d\ude00", "a is .* half of a surrogate pair"),
        ({"b": {"\udfff": 1}}, r"a key of a.b is '\\udfff', which is no valid"),
        ({1: 0, "1": 0}, "a has the key 1; keys are strings"),
        ({None: 0}, "a has the key None"),
        (2**2000, "a is an integer of 2001 bits; a file can hold 2000"),
        (_itself(), "a.0.0.* is nested more than 100 deep, or holds itself"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "a is a masked array"),
        (np.array(["x"]), "a: unknown dtype"),
        (np.array([None]), "a: unknown dtype"),
        (np.zeros(2, "i4,f4"), "a: unknown dtype"),
        (np.zeros(2, np.complex64), "a: unknown dtype"),
        (np.zeros(2, "M8[s]"), "a: unknown dtype"),
        (np.zeros(2, np.int8), "a: unknown dtype"),
        (np.zeros(2, np.longdouble), "a: unknown dtype"),
        (np.longdouble(1), "a is a longdouble, which no file can hold"),
        (np.timedelta64(1, "ns"), "a is a timedelta64"),
        (np.datetime64(1, "ns"), "a is a datetime64"),
        (np.complex64(1), "a is a complex64"),
        (1j, "a is a complex"),
        (b"bytes", "a is a bytes"),
        ({1, 2}, "a is a set"),
        (object(), "a is a object"),
    ):
        with pytest.raises(InvalidArgumentError, match=f"save: {message}"):
            nx.save({"a": value}, path)
        assert path.read_bytes() == content and os.listdir(tmp_path) == ["state"]
    monkeypatch.setattr("neurenix.io._LONGEST_HEADER", 1000)
    with pytest.raises(InvalidArgumentError, match="safetensors reads 1,000"):
        nx.save({"a": list(range(500))}, path)
    assert path.read_bytes() == content


def test_a_dtype_that_no_device_here_would_load(tmp_path: Path, device: str) -> None:
    state = {"a": np.ones(2, np.float16)}
    if device == "reference":
        nx.save(state, tmp_path / "x")
        assert nx.load(tmp_path / "x")["a"].dtype is nx.float16
    else:
        with pytest.raises(InvalidArgumentError, match=r"a: .*has no float16"):
            nx.save(state, tmp_path / "x")


names = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(
    ["a", "b", "a.b", "b#2", "a.b#2", "__metadata__", "tensor", "dict", "0"]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**1999), 2**1999)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=6)
    | hypothesis_numpy.arrays(
        st.sampled_from([">f4", "<f4", ">i8", "f8", "u1", ">u4", "?"]),
        hypothesis_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=12,
)


def _assert_equal(found: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        assert found.dtype.name == value.dtype.name
        assert np.array_equal(found.numpy(), value, equal_nan=value.dtype.kind == "f")
    elif isinstance(value, dict):
        assert list(found) == list(value)
        for key, item in value.items():
            _assert_equal(found[key], item)
    elif isinstance(value, (list, tuple)):
        assert type(found) is type(value) and len(found) == len(value)
        for one, other in zip(found, value, strict=True):
            _assert_equal(one, other)
    else:
        assert type(found) is type(value) and found == value


@settings(max_examples=100, deadline=None, database=None)
@given(trees)
def test_any_tree_comes_back(tree: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nx.save(tree, os.path.join(folder, "x"))
        _assert_equal(nx.load(os.path.join(folder, "x")), tree)


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*No such file"):
        nx.save({}, tmp_path / "absent" / "x")
    with pytest.raises(StorageError, match=r"cannot write .*directory"):
        nx.save({}, tmp_path)
    with pytest.raises(StorageError, match=r"make the folder .*absent first"):
        nx.save({}, tmp_path / "absent" / "x")
    for name in ("n" * 256, "a" * 1000, "a\0b", "\ud800"):
        with pytest.raises(StorageError, match="save: cannot write"):
            nx.save({}, os.path.join(tmp_path, name))
        with pytest.raises(StorageError, match="load: cannot read"):
            nx.load(os.path.join(tmp_path, name))
    with pytest.raises(StorageError, match="File name too long; choose a shorter name"):
        nx.save({}, tmp_path / ("n" * 256))
    for call in (lambda: nx.save({}, 3), lambda: nx.load(None)):  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="expected a path, not"):
            call()
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="cannot read"):
        nx.load(tmp_path / "absent")


@pytest.mark.parametrize("name", ["n" * 240, "n" * 255, "é" * 127, "ü😀 ", b"bytes"])
def test_every_name_that_the_system_takes(tmp_path: Path, name: str | bytes) -> None:
    folder = os.fsencode(tmp_path) if isinstance(name, bytes) else os.fspath(tmp_path)
    path: Any = os.path.join(folder, name)  # type: ignore[call-overload]
    for value in (1, 2):
        nx.save({"x": value}, path)
    assert nx.load(path) == {"x": 2} and os.listdir(folder) == [name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_regular_file_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match=r"cannot write .*pipe: it is no regular"):
        nx.save({"x": nx.ones(1)}, pipe)
    assert pipe.is_fifo() and os.listdir(tmp_path) == ["pipe"]


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "state"
    nx.save({"x": nx.ones(4), "y": 1}, path)
    content = path.read_bytes()
    damaged = [
        b"",
        b"PK\x03\x04 a zip archive, say",
        content[:-1],
        content + b"x",
        content[:30],
        b"\xff" * 64,
    ]
    for text in damaged:
        path.write_bytes(text)
        with pytest.raises(
            FileFormatError, match="is no safetensors file, or is damaged"
        ):
            nx.load(path)
    for at in (len(content) - 6, len(content) - 40, 60):  # a tensor, and the tree
        changed = content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :]
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match="is damaged"):
            nx.load(path)
    for description in (
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 1, "tree": {"tensor": "z"}}',
        '{"format": 1, "tree": {"set": []}}',
        '{"format": 9, "tree": {}}',
    ):
        safetensors_numpy.save_file(
            {"x": np.ones(1, np.float32)}, path, {"neurenix": description}
        )
        with pytest.raises(FileFormatError, match=r"is damaged|reads format 1"):
            nx.load(path)


def test_metadata_is_json_and_nothing_is_pickled(tmp_path: Path) -> None:
    path = tmp_path / "state"
    nx.save({"x": nx.ones(1), "epoch": 3}, path)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["neurenix"]) == {
        "format": 1,
        "tree": {"dict": {"x": {"tensor": "x"}, "epoch": {"value": 3}}},
    }


def test_without_safetensors_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(
        MissingPackageError, match=r"pip install \"./neurenix-core\[io\]\""
    ):
        nx.save({}, tmp_path / "x")
