"""Backends that misbehave while they run: what is said, and what is left unharmed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import BackendInfo, Discovery, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
from neurenix.errors import BackendError, OutOfMemoryError
from neurenix.program import Program
from neurenix.testing import Case
from neurenix.testing.conduct import check_conduct

TANH, EXP = (Case(name, ((2, 3),), {}) for name in ("tanh", "exp"))
_numbers = count()
Fault = Callable[[str, list[Any]], list[Any]]


class Faulty(ReferenceBackend):
    """The reference, whose outputs go through `fault` with the name of the program's
    only primitive, or "program"."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        return FaultyExecutable(self, program, state)


class FaultyExecutable(ReferenceExecutable):
    def __init__(self, backend: Faulty, program: Program, state: int) -> None:
        super().__init__(program, state)
        self.backend = backend
        names = [i.primitive.name for i in program.instructions]
        self.name = names[0] if len(names) == 1 else "program"

    def _evaluated(self, inputs: Sequence[Any]) -> list[Any]:
        return self.backend.fault(self.name, super()._evaluated(inputs))


@pytest.fixture
def with_fault() -> Iterator[Callable[[Fault], str]]:
    """Makes a device of a new type that has this fault, and the one that is used."""

    def use(fault: Fault) -> str:
        name = f"faulty_{next(_numbers)}"
        discovery.add(
            BackendInfo(
                name, API_VERSION, "test", -300, lambda: 1, lambda: Faulty(fault)
            )
        )
        nx.init({"device": name})
        return name

    yield use
    nx.init()


def only(primitive: str, change: Callable[[Any], Any]) -> Fault:
    """The fault of one primitive."""

    def fault(name: str, outputs: list[Any]) -> list[Any]:
        return [change(y) for y in outputs] if name == primitive else outputs

    return fault


def raising(error: Exception) -> Callable[[Any], Any]:
    def change(y: Any) -> Any:
        raise error

    return change


# ---- what a kernel raises ------------------------------------------------------------


def test_a_kernel_that_raises_is_named(with_fault: Any) -> None:
    device = with_fault(only("tanh", raising(KeyError("handle 7"))))
    x = nx.ones(2, 3)
    with pytest.raises(BackendError) as failed:
        nx.tanh(x)
    assert str(failed.value) == (
        f"{device}:0: tanh of (float32(2, 3)) raised KeyError: 'handle 7'"
    )
    assert isinstance(failed.value.__cause__, KeyError)
    assert nx.exp(x).shape == (2, 3), "other operations go on"


def test_a_kernel_without_memory(with_fault: Any) -> None:
    with_fault(only("tanh", raising(MemoryError("device is full"))))
    with pytest.raises(OutOfMemoryError, match=r"tanh of .* MemoryError: device is"):
        nx.tanh(nx.ones(2))


def test_an_error_of_our_own_goes_on(with_fault: Any) -> None:
    with_fault(only("tanh", raising(BackendError("unit 3 is broken"))))
    with pytest.raises(BackendError, match=r"^unit 3 is broken$"):
        nx.tanh(nx.ones(2))


@pytest.mark.parametrize("debug", [False, True])
def test_a_step_that_fails_changes_nothing(
    debug: bool, with_fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next one works."""
    monkeypatch.setenv("NEURENIX_DEBUG", str(int(debug)))
    broken = False

    def fault(name: str, outputs: list[Any]) -> list[Any]:
        if broken and name in ("program", "fused"):
            raise RuntimeError("lost the device")
        return outputs

    device = with_fault(fault)
    model = nx.nn.Linear(3, 2)
    optimizer = nx.optim.Adam(model.parameters(), lr=0.1)

    def train(x: Any) -> Any:
        loss = nx.tanh(model(x)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step = nx.compile(train, state=[model, optimizer])
    x = nx.ones(4, 3)
    first = step(x).item()

    def state() -> dict[str, Any]:
        cells = step.cells()
        return {name: np.array(cell.numpy()) for name, cell in cells.items()}

    before, broken = state(), True
    for call in (lambda: step(x), lambda: step.run_steps(nx.ones(2, 4, 3))):
        with pytest.raises(BackendError, match="RuntimeError: lost the device") as e:
            call()
        assert str(e.value).startswith(f"{device}:0: ")
        told = r"fused .*tanh\(.* of \(float32.* at test_mis.*py:\d+ raised Runtime"
        where = told if debug else "program of .*NEURENIX_DEBUG=1"
        assert re.search(where, str(e.value))
    broken = False
    for name, value in state().items():
        assert np.array_equal(before[name], value), name
    assert step(x).item() < first


# ---- what it gives -------------------------------------------------------------------

WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "dtype": (lambda y: y.astype(np.float64), r"float64\(2, 3\)"),
    "shape": (lambda y: y[:1].copy(), r"float32\(1, 3\)"),
    "rank": (lambda y: y.reshape(-1), r"float32\(6,\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_suite_catches_wrong_types(kind: str, with_fault: Any) -> None:
    change, gave = WRONG[kind]
    with_fault(only("tanh", change))
    message = rf"^tanh-.*: the device gave {gave}, and should give float32\(2, 3\)"
    with pytest.raises(AssertionError, match=message):
        check_conduct(TANH, nx.float32)


@pytest.mark.parametrize("kind", WRONG)
def test_debug_mode_catches_them_in_a_program(
    kind: str, with_fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, gave = WRONG[kind]
    device = with_fault(only("dot_general", change))
    monkeypatch.setenv("NEURENIX_DEBUG", "1")
    step = nx.compile(lambda x, w: nx.exp(x @ w) * 2)
    message = (
        rf"^{device}:0: dot_general of \(float32\(2, 4\), float32\(4, 3\)\) at "
        rf"test_misbehaving_backends.py:\d+ gave {gave}, and should give "
        r"float32\(2, 3\)$"
    )
    with pytest.raises(BackendError, match=message):
        step(nx.ones(2, 4), nx.ones(4, 3))


def test_debug_mode_counts_outputs(
    with_fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_fault(lambda name, outputs: outputs[:1] if name == "sort" else outputs)
    monkeypatch.setenv("NEURENIX_DEBUG", "1")
    with pytest.raises(BackendError, match=r"sort of .* gave 1 outputs, and"):
        nx.sort(nx.ones(3))


def test_debug_mode_changes_no_result(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With state that swaps, inputs that go straight out, and regions."""

    def results() -> list[Any]:
        a, b = nx.Cell(nx.tensor([1.0, 2.0])), nx.Cell(nx.tensor([3.0, 4.0]))

        def swap(x: Any) -> Any:
            old_a, old_b = a.value(), b.value()
            a.assign(old_b)
            b.assign(old_a)
            ys = nx.map(lambda row: nx.tanh(row * old_a).sum())(x)
            last, _ = nx.scan(lambda c, row: (c + row, c), old_b, x)
            return x, old_a, ys, last

        step = nx.compile(swap, state=[a, b])
        x = nx.tensor([[0.1, 0.2], [0.3, 0.4]])
        found = [*step(x), *step(x), a, b, *step.run_steps(nx.stack([x, x]))]
        return [np.array(y.numpy()) for y in found]

    plain = results()
    monkeypatch.setenv("NEURENIX_DEBUG", "1")
    for found, expected in zip(results(), plain, strict=True):
        assert np.allclose(found, expected, rtol=1e-6)


# ---- what it keeps -------------------------------------------------------------------


def test_the_suite_catches_buffers_that_are_kept(with_fault: Any) -> None:
    kept = []

    def keep(y: Any) -> Any:
        kept.append(y)
        return y

    with_fault(only("tanh", keep))
    with pytest.raises(AssertionError, match=r"tanh-.*: 3 buffers live on"):
        check_conduct(TANH, nx.float32)
    check_conduct(EXP, nx.float32)


def test_the_suite_catches_memory_that_is_kept(with_fault: Any) -> None:
    used = 0

    def take(y: Any) -> Any:
        nonlocal used
        used += y.nbytes
        return y

    device = with_fault(only("tanh", take))
    backend: Any = discovery.backend(device)
    backend.memory_stats = lambda index: {"allocated": used, "peak": 10 * used}
    message = "tanh-.*: 3 calls leave more memory in use .*: allocated by 72 bytes"
    with pytest.raises(AssertionError, match=message):
        check_conduct(TANH, nx.float32)
    check_conduct(EXP, nx.float32)


# ---- what hangs ----------------------------------------------------------------------


def test_a_create_that_hangs() -> None:
    done = threading.Event()

    def create() -> Any:
        done.wait(30)

    found = Discovery()
    found.create_limit = 0.05
    found.add(BackendInfo("hangs", API_VERSION, "test", -300, lambda: 1, create))
    try:
        for _ in range(2):  # the second time at once
            with pytest.raises(BackendError, match=r"its create\(\) hung: no answer"):
                found.backend("hangs")
    finally:
        done.set()


HANGS = """
import sys, time
sys.path.insert(0, {folder!r})
import numpy as np
import neurenix as nx
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION
from test_misbehaving_backends import Faulty

hanging = False

def fault(name, outputs):
    if hanging:
        print("hangs", flush=True)
        time.sleep(600)
    return outputs

info = BackendInfo("slow", API_VERSION, "test", 0, lambda: 1, lambda: Faulty(fault))
discovery.add(info)
nx.init({{"device": "slow"}})
total = nx.Cell(nx.tensor(0.0))

def add(x):
    total.assign(total + x)
    return total.value()

step = nx.compile(add, state=[total])
x = nx.tensor(1.0)
step(x)
hanging = True
try:
    step(x)
except KeyboardInterrupt:
    hanging = False
    print("interrupted", total.numpy().item(), step(x).item(), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_control_c_ends_a_kernel_of_python_that_hangs() -> None:
    """State is as before the step, and the next one works."""
    program = HANGS.format(folder=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "hangs\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (out, process.returncode) == ("interrupted 1.0 2.0\n", 0)
