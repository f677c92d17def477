"""Engines of earlier versions of the ABI, whose table ends sooner: core does without
what they lack."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import Available, BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.errors import BackendError
from neurenix.phynexus import NativeBackend
from neurenix.phynexus import library as engine_library
from neurenix.phynexus.library import ffi, open_library

_numbers = count()
X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


def trained() -> tuple[list[Any], int | None]:
    """Some steps of a sum over a map, and what the program says that it takes."""
    w = nx.Cell(nx.tensor([0.1, -0.2, 0.3]), name="w")

    def loss(w: Any, x: Any) -> Any:
        each = nx.map(lambda row, w: nx.tanh(row * w).sum(), (0, None), reduce="mean")
        return each(x, w)

    def train(x: Any) -> Any:
        value, gradient = nx.value_and_grad(loss)(w.value(), x)
        w.assign(w - 0.1 * gradient)
        return value

    step = nx.compile(train, state=[w], guard=True)
    losses, ok = step.run_steps(nx.tensor(X))
    return [losses.numpy(), ok.numpy(), w.numpy()], step.memory_bytes(nx.tensor(X[0]))


def device_of(
    table: Any, opened: Any, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_library, "open_library", lambda path: (opened, table))
    name, made = f"older_{next(_numbers)}", NativeBackend(library)
    info = BackendInfo(name, API_VERSION, "test", -300, lambda: 1, lambda: made)
    # for this test alone: no profile of another one is to meet it
    monkeypatch.setitem(discovery._states, name, Available(info, 1))
    monkeypatch.setitem(discovery._backends, name, made)
    nx.init({"device": name})


@pytest.mark.parametrize("first_missing", ["run_steps", "memory_bytes", None])
def test_it_computes_the_same_bits(
    first_missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None: nothing is missing, but the last function is null."""
    if not nx.get_device_count("cpu"):
        pytest.skip("no native engine is here")
    nx.init({"device": "cpu"})
    expected, needs = trained()
    library = discovery.backend("cpu").library  # type: ignore[attr-defined]
    opened, api = open_library(library)
    table = ffi.new("phx_api *", api[0])
    if first_missing is None:
        table.memory_bytes = ffi.NULL
    else:
        table.struct_size = ffi.offsetof("phx_api", first_missing)
    device_of(table, opened, library, monkeypatch)
    found, most = trained()
    for mine, theirs in zip(found, expected, strict=True):
        assert np.array_equal(mine, theirs)
    assert needs is not None and most is not None and most > 0
    if first_missing == "run_steps":
        with pytest.raises(BackendError, match=r"nx.profile needs an engine with ABI"):
            nx.profile().__enter__()
    nx.init()
