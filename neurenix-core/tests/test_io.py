"""Saving and loading: what comes back, and what is said where it cannot."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*No such file"):
        nx.save({}, tmp_path / "absent" / "x")
    with pytest.raises(StorageError, match=r"cannot write .*directory"):
        nx.save({}, tmp_path)
    with pytest.raises(OSError, match="cannot read"):
        nx.load(tmp_path / "absent")


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
        MissingPackageError, match=r"pip install \"neurenix-core\[io\]\""
    ):
        nx.save({}, tmp_path / "x")
