"""nx.profile: what it counts, where it points, and that it changes nothing."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import BackendError, InvalidArgumentError
from neurenix.program import ir

rng = np.random.default_rng(2)
HERE = "test_profiling.py:"


def counts(p: nx.Profile) -> dict[tuple[str, str], int]:
    """How often each kind of instruction ran, by where it lies."""
    found: dict[tuple[str, str], int] = {}
    for row in p.rows:
        key = (row["around"], row["primitive"])
        found[key] = found.get(key, 0) + row["count"]
    return found


def check(p: nx.Profile) -> None:
    assert p.rows and json.loads(json.dumps(p.rows)) == p.rows
    spent = sum(row["milliseconds"] for row in p.rows)
    assert spent <= p.wall * p.threads
    assert sum(row["share"] for row in p.rows) == pytest.approx(1)
    for row in p.rows:
        assert row["count"] > 0 and row["milliseconds"] >= 0
        assert row["line"] is None or row["line"].startswith(HERE), row


def test_counts_in_map_scan_and_call(device: str) -> None:
    w = nx.Cell(nx.tensor(rng.normal(size=(4, 4))), name="w")

    def one(x: Any) -> Any:
        def body(carry: Any, _: Any) -> Any:
            return nx.tanh(carry @ w), None

        last, _ = nx.scan(body, x, nx.zeros(3))
        return last

    def step(x: Any) -> Any:
        y = nx.map(one)(x)
        w.assign(w + y.sum())
        return y

    f = nx.compile(step, state=[w])
    x = nx.tensor(rng.normal(size=(5, 2, 4)))
    f(x)
    with nx.profile() as p:
        for _ in range(7):
            f(x)
    check(p)
    assert all(row["line"] for row in p.rows)
    found = counts(p)
    assert found["", "map"] == 7
    assert found["map > ", "scan"] == 7 * 5
    assert found["map > scan > ", "dot_general"] == 7 * 5 * 3
    (product,) = [row for row in p.rows if row["primitive"] == "dot_general"]
    assert product["inputs"] == [[2, 4], [4, 4]] and product["outputs"] == [[2, 4]]
    tanh = [row for row in p.rows if "tanh" in row["primitive"] + row["expression"]]
    assert sum(row["count"] for row in tanh) == 7 * 5 * 3
    assert len({row["line"] for row in p.rows}) >= 3


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_step_by_its_lines(device: str, threads: int) -> None:
    nx.init({"device": device, "threads": threads})
    nx.manual_seed(0)
    model = nn.Linear(3, 2)
    adam = optim.Adam(model.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        nx.mean(model(x) ** 2).backward()
        adam.step()
        adam.zero_grad()
        return x.sum()

    f = nx.compile(step, state=[model, adam])
    x = nx.tensor(rng.normal(size=(6, 8, 3)))
    with nx.profile() as p:
        f.run_steps(x)
    check(p)
    assert all(row["line"] for row in p.rows)
    assert {row["count"] for row in p.rows} == {6}
    assert p.threads == threads or device == "reference"
    nx.init({"device": device, "threads": 2})


def test_the_same_bits_and_nothing_afterwards(device: str) -> None:
    f = nx.compile(lambda x: nx.map(lambda r: nx.softmax(r, axis=0) @ r)(x))
    x = nx.tensor(rng.normal(size=(3, 4, 4)))
    plain = f(x).numpy()
    with nx.profile() as p:
        watched = f(x).numpy()
    after = f(x).numpy()
    assert np.array_equal(plain, watched) and np.array_equal(plain, after)
    before = counts(p)
    with nx.profile() as again:
        f(x)
    assert counts(again) == before  # what ran in between, unprofiled, is in neither
    assert ir.watching == [None]


def test_eager_operations_and_programs_made_and_dropped_within(device: str) -> None:
    x = nx.tensor(rng.normal(size=(4, 4)))
    with nx.profile() as p:
        for _ in range(3):
            _ = x @ x
        y = nx.compile(lambda a: nx.cumsum(a, axis=0))(x)
    found = counts(p)
    assert found["", "dot_general"] == 3 and found["", "cumsum"] == 1 and y.shape
    for row in p.rows:
        assert (row["line"] is None) == (row["primitive"] == "dot_general")
    check(p)


def test_what_several_threads_run(device: str) -> None:
    f = nx.compile(lambda x: nx.cumsum(x, axis=0))
    x = nx.ones(8, 8)
    f(x)

    def work() -> None:
        for _ in range(20):
            f(x)

    others = [threading.Thread(target=work) for _ in range(3)]
    with nx.profile() as p:
        for t in others:
            t.start()
        for t in others:
            t.join()
    assert counts(p)["", "cumsum"] == 60


def test_the_table_for_people(device: str) -> None:
    f = nx.compile(lambda x: nx.cumsum(nx.exp(x) * 2.0 + x, axis=0))
    with nx.profile() as p:
        f(nx.ones(3, 2))
    lines = str(p).splitlines()
    assert lines[0].split() == [
        *("ms", "share", "count", "instruction", "shapes", "line")
    ]
    (row,) = [line for line in lines if "cumsum" in line]
    assert "3x2 -> 3x2" in row and HERE in row
    assert any("exp(a)" in line for line in lines)
    threads = f"{p.threads} thread"
    assert f"in {len(p.rows)} instructions" in lines[-1] and threads in lines[-1]
    with nx.profile() as nothing:
        pass
    assert nothing.rows == [] and "in 0 instructions" in str(nothing)


def test_one_at_a_time(device: str) -> None:
    with nx.profile() as p:
        with pytest.raises(InvalidArgumentError, match="one at a time"):
            nx.profile().__enter__()
        _ = nx.ones(2) + 1.0
    assert p.rows
    with pytest.raises(ZeroDivisionError), nx.profile():
        raise ZeroDivisionError
    with nx.profile() as p:
        _ = nx.ones(2) + 1.0
    assert p.rows


def test_an_engine_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    if not nx.get_device_count("cpu"):
        pytest.skip("no native engine is here")
    from neurenix.phynexus.library import Engine

    nx.init({"device": "reference"})
    _ = nx.ones(2) + 1.0
    nx.init({"device": "cpu"})
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "has", lambda self, name: False)
        with pytest.raises(BackendError, match=r"ABI 1\.2.*upgrade"):
            nx.profile().__enter__()
    assert ir.watching == [None]  # nobody goes on counting
    with nx.profile() as p:
        _ = nx.ones(2) + 1.0
    assert p.rows
