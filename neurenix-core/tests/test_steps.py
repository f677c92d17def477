"""Several steps by one call: the same bits as one call after the other."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION, StepsCall
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
from neurenix.errors import (
    CaptureError,
    InvalidArgumentError,
    ShapeError,
    StepsInterrupted,
)
from neurenix.program import Program

rng = np.random.default_rng(5)
X = rng.normal(size=(7, 6, 3)).astype(np.float32)
Y = rng.normal(size=(7, 6, 2)).astype(np.float32)


class Training:
    """A network with dropout from a generator, and Adam: all kinds of state."""

    def __init__(self, guard: bool = False) -> None:
        nx.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.05)
        self.generator = nx.Generator(11)

        def step(x: Any, y: Any, scale: Any) -> Any:
            noise = nx.random.randn(*x.shape, generator=self.generator)
            error = self.model(x + 0.1 * noise) - y * scale
            loss = nx.mean(error * error)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            return {"loss": loss, "error": error}

        state = [self.model, self.optimizer, self.generator]
        self.step = nx.compile(step, state=state, guard=guard)

    def state(self) -> dict[str, Any]:
        return {n: np.array(c.numpy()) for n, c in self.step.cells().items()}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits_as_single_calls(device: str, threads: int) -> None:
    nx.init({"device": device, "threads": threads})
    scale = nx.tensor(1.5)
    one, several = Training(), Training()
    losses, errors = [], []
    for x, y in zip(X, Y, strict=True):
        out = one.step(nx.tensor(x), nx.tensor(y), scale)
        losses.append(out["loss"].numpy())
        errors.append(out["error"].numpy())
    axes = (0, 0, None)
    first = several.step.run_steps(nx.tensor(X[:4]), Y[:4], scale, in_axes=axes)
    rest = several.step.run_steps(X[4:], nx.tensor(Y[4:]), scale, in_axes=axes)
    assert first["error"].shape == (4, 6, 2) and rest["loss"].shape == (3,)
    assert np.array_equal(np.stack(losses), nx.concat([first["loss"], rest["loss"]]))
    both = nx.concat([first["error"], rest["error"]])
    assert np.array_equal(np.stack(errors), both)
    assert same(one.state(), several.state())
    # 4 steps, 3 steps and single ones share a program
    several.step(nx.tensor(X[0]), nx.tensor(Y[0]), scale)
    assert len(several.step.entries) == 1
    nx.init({"device": device, "threads": 2})


def test_it_is_a_scan_over_the_state(device: str) -> None:
    w = nx.Cell(nx.tensor([1.0, -2.0]), name="w")

    def update(value: Any, x: Any) -> Any:
        new = value * 0.9 + nx.sin(x)
        return new, (new * x).sum()

    def step(x: Any) -> Any:
        new, out = update(w.value(), x)
        w.assign(new)
        return out

    xs = nx.tensor(rng.normal(size=(5, 2)))
    last, outs = nx.scan(update, w.value(), xs)
    made = nx.compile(step, state=[w]).run_steps(xs)
    assert np.allclose(made, outs, rtol=1e-6) and np.allclose(w, last, rtol=1e-6)


def test_without_state_and_with_static_values(device: str) -> None:
    f = nx.compile(lambda x, n, pair: (x * n + pair["a"], x.sum()))
    shared = nx.tensor([10.0, 20.0])
    x = nx.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    y, total = f.run_steps(x, 2, {"a": shared}, in_axes=(0, None, None))
    assert y.tolist() == [[12.0, 24.0], [16.0, 28.0], [20.0, 32.0]]
    assert total.tolist() == [3.0, 7.0, 11.0]


def test_one_crossing(device: str) -> None:
    backend: Any = discovery.backend(device)
    if not hasattr(backend, "run_count"):
        pytest.skip("this backend does not count")
    training = Training()
    scale = nx.tensor(1.0)
    x, y = nx.tensor(X), nx.tensor(Y)
    training.step.run_steps(x, y, scale, in_axes=(0, 0, None))
    before = backend.run_count(0)
    training.step.run_steps(x, y, scale, in_axes=(0, 0, None))
    assert backend.run_count(0) - before == 1


def test_guard_ends_at_the_first_bad_step(device: str) -> None:
    scales = np.array([1, 1, np.inf, 1, 1], np.float32)
    one, several = Training(guard=True), Training(guard=True)
    for i in range(3):
        _, ok = one.step(nx.tensor(X[i]), nx.tensor(Y[i]), nx.tensor(scales[i]))
        assert bool(ok) == (i < 2)
    out, ok = several.step.run_steps(X[:5], Y[:5], scales)
    assert ok.tolist() == [True, True, False]
    assert out["loss"].shape == (3,) and out["error"].shape == (3, 6, 2)
    assert np.isfinite(out["loss"].numpy()).tolist() == [True, True, False]
    assert same(one.state(), several.state())


def test_a_backend_without_a_way_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    if not nx.get_device_count("cpu"):
        pytest.skip("no native engine is here")
    from neurenix.phynexus.library import Engine

    nx.init({"device": "cpu"})
    ends = []
    for old in (False, True):
        if old:
            monkeypatch.setattr(Engine, "has", lambda self, name: False)
        training = Training(guard=True)
        out, ok = training.step.run_steps(X, Y, np.ones(7, np.float32))
        ends.append({**training.state(), "loss": out["loss"].numpy(), "ok": ok.numpy()})
    assert same(*ends)


class Predicated(ReferenceBackend):
    """Makes the steps of a call by fours, reads no `ok` between them, and undoes those
    after a False, as a device does that predicates them."""

    def compile(self, program: Program, index: int, state: int = 0) -> Any:
        return PredicatedExecutable(program, state)


class PredicatedExecutable(ReferenceExecutable):
    def begin_steps(self, call: StepsCall) -> PredicatedSteps:
        return PredicatedSteps(self, call)


class PredicatedSteps:
    def __init__(self, executable: PredicatedExecutable, call: StepsCall) -> None:
        self.executable, self.call = executable, call
        self.done, self.stopped = 0, False
        self.rows: list[list[Any]] = []  # of all steps that were under way

    def go_on(self) -> None:
        call, run = self.call, self.executable
        for i in range(self.done, min(self.done + 4, call.count)):
            inputs = [
                x[i] if moves else x
                for x, moves in zip(call.inputs, call.moving, strict=True)
            ]
            cells: list[Any] = [ref() for ref in run.state]
            before = [np.array(cell) for cell in cells]
            row = run.step(inputs)
            if self.stopped:
                for cell, value in zip(cells, before, strict=True):
                    cell[...] = value
                row = [np.full_like(y, 77) for y in row]  # which nobody may read
            else:
                self.done += 1
                self.stopped = call.guarded and not row[-1].item()
            self.rows.append(row)

    def outputs(self) -> list[Any]:
        made = self.rows[: self.done]
        return [np.stack(column) for column in zip(*made, strict=True)]


def test_steps_after_a_false_ok_may_be_under_way() -> None:
    """What counts, and the state, is that of a backend that begins none."""
    name = "predicated"
    discovery.add(BackendInfo(name, API_VERSION, "test", -300, lambda: 1, Predicated))
    scales = np.array([1, 1, 1, 1, 1, np.inf, 1], np.float32)
    ends = []
    for device in ("reference", name):
        nx.init({"device": device})
        training = Training(guard=True)
        out, ok = training.step.run_steps(X, Y, scales)
        assert ok.tolist() == [True] * 5 + [False]
        rows = {n: y.numpy() for n, y in out.items()}
        after, fine = training.step.run_steps(X[:2], Y[:2], scales[:2])
        assert fine.tolist() == [True, True]
        ends.append({**training.state(), **rows, "after": after["loss"].numpy()})
    nx.init()
    assert same(*ends)


def test_what_others_hold_keeps_its_value(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0, 2.0]), name="c")

    def step(x: Any) -> Any:
        cell.assign(cell + x)
        return cell.value()

    f = nx.compile(step, state=[cell])
    view, held = cell.numpy(), cell.detach()
    out = f.run_steps(nx.ones(3, 2))
    assert out.tolist() == [[2.0, 3.0], [3.0, 4.0], [4.0, 5.0]]
    assert view.tolist() == held.tolist() == [1.0, 2.0] and cell.tolist() == [4.0, 5.0]


def test_ctrl_c_ends_between_two_steps(device: str) -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals go to the main thread")
    w = nx.Cell(nx.tensor(rng.normal(size=(64, 64)) * 0.1), name="w")

    def step(x: Any) -> Any:
        w.assign(nx.tanh(w @ w + x))
        return w.sum()

    f = nx.compile(step, state=[w])
    start = w.value()
    count = 200_000 if device != "reference" else 20_000
    xs = nx.tensor(rng.normal(size=count))
    f.run_steps(xs[:2])
    w.assign(start)

    def interrupt() -> None:
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(StepsInterrupted) as stopped:
        f.run_steps(xs)
    killer.join()
    done, results = stopped.value.done, stopped.value.results
    assert 0 < done < count and results.shape == (done,)
    after = np.array(w.numpy())
    w.assign(start)
    again = f.run_steps(xs[:done])
    assert np.array_equal(again, results) and np.array_equal(w, after)


def test_refusals_change_nothing(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0, 2.0]), name="c")

    def step(x: Any, y: Any) -> Any:
        cell.assign(cell + x * y)
        return cell.sum()

    f = nx.compile(step, state=[cell])
    x, y = nx.ones(3, 2), nx.ones(4, 2)
    with pytest.raises(ShapeError, match=r"one size.*\(3, 2\), \(4, 2\)"):
        f.run_steps(x, y)
    with pytest.raises(ShapeError, match="at least 1"):
        f.run_steps(nx.zeros(0, 2), nx.zeros(0, 2))
    with pytest.raises(ShapeError, match="none"):
        f.run_steps(x, y, in_axes=None)
    with pytest.raises(ShapeError, match="no leading axis"):
        f.run_steps(x, nx.tensor(1.0))
    with pytest.raises(InvalidArgumentError, match="1 entries for 2 arguments"):
        f.run_steps(x, x, in_axes=(0,))
    with pytest.raises(InvalidArgumentError, match="in_axes entry 1"):
        f.run_steps(x, x, in_axes=1)
    with pytest.raises(InvalidArgumentError, match="requires grad"):
        f.run_steps(nx.ones(3, 2, requires_grad=True), x)
    with pytest.raises(CaptureError, match=r"nx\.scan"):
        nx.compile(lambda x: f.run_steps(x, x))(x)
    assert cell.tolist() == [1.0, 2.0] and not f.entries
