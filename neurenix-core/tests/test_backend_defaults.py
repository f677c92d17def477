"""Backends and state objects that have the required methods alone and subclass nothing:
the rest has defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import Backend, BackendInfo, Executable, discovery
from neurenix.backends.by_methods import as_backend, as_executable
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend
from neurenix.errors import InvalidArgumentError
from neurenix.settings import bits_depend_on
from neurenix.state.protocol import State, as_state

_numbers = count()
REQUIRED = (
    *("device_count", "capabilities", "configure", "upload", "adopt", "owns"),
    *("download", "synchronize", "memory_stats"),
)


class PlainExecutable:
    def __init__(self, inner: Any) -> None:
        self.bind_state, self.step = inner.bind_state, inner.step
        self.inner = inner

    def __call__(self, inputs: Any) -> Any:
        return self.inner(inputs)


class Plain:
    """API version 1, by its methods."""

    def __init__(self) -> None:
        self.inner = ReferenceBackend()
        for name in REQUIRED:
            setattr(self, name, getattr(self.inner, name))

    def compile(self, program: Any, index: int, state: int = 0) -> Any:
        return PlainExecutable(self.inner.compile(program, index, state))


class WithMore(Plain):
    """And some of the optional ones."""

    def __init__(self) -> None:
        super().__init__()
        self.start_profile = self.inner.start_profile
        self.finish_profile = self.inner.finish_profile

    def expands(self, instruction: Any) -> bool:
        return True

    def bits_depend_on(self, index: int) -> dict[str, str]:
        return {"chip": "b"}

    def compile(self, program: Any, index: int, state: int = 0) -> Any:
        made: Any = super().compile(program, index, state)
        made.memory_bytes = lambda: 1234
        made.plan_seconds = 0.5
        return made


@pytest.fixture
def use() -> Iterator[Callable[[type], None]]:
    def made(kind: Any) -> None:
        name = f"plain_{next(_numbers)}"
        discovery.add(BackendInfo(name, API_VERSION, "test", -300, lambda: 1, kind))
        nx.init({"device": name})

    yield made
    nx.init()


def results() -> list[Any]:
    """Eager, compiled, with state, several steps at once, with a map."""
    total = nx.Cell(nx.tensor(0.0), name="total")

    def add(x: Any) -> Any:
        total.assign(total + nx.map(lambda row: nx.tanh(row).sum(), reduce="sum")(x))
        return total.value()

    step = nx.compile(add, state=[total], guard=True)
    x = nx.tensor([[0.5, 1.0], [1.5, 2.0]])
    first, ok = step(x)
    rows, _ = step.run_steps(nx.stack([x, x, x]))
    return [np.array(y.numpy()) for y in (nx.sin(x), first, ok, rows, total)]


@pytest.mark.parametrize("kind", [Plain, WithMore])
def test_it_computes_as_one_that_subclasses(
    kind: type, use: Callable[[type], None]
) -> None:
    nx.init({"device": "reference"})
    expected = results()
    use(kind)
    for mine, theirs in zip(results(), expected, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-6)


def test_what_it_lacks(use: Callable[[type], None]) -> None:
    use(Plain)
    f = nx.compile(lambda x: nx.map(lambda row: row * 2)(x))
    assert f.memory_bytes(nx.ones(3)) is None
    (entry,) = f.entries.values()
    assert [i.primitive.name for i in entry.program.instructions] == ["map"]
    assert entry.executable.plan_seconds == 0
    assert bits_depend_on(nx.current_device()) == {"device": "NumPy"}
    with pytest.raises(InvalidArgumentError, match="takes no profiles"):
        nx.profile().__enter__()
    assert f(nx.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_what_it_has(use: Callable[[type], None]) -> None:
    use(WithMore)
    f = nx.compile(lambda x: nx.map(lambda row: nx.sin(row))(x))
    assert f.memory_bytes(nx.ones(3)) == 1234
    (entry,) = f.entries.values()
    assert "map" not in [i.primitive.name for i in entry.program.instructions]
    assert entry.executable.plan_seconds == 0.5
    assert bits_depend_on(nx.current_device()) == {"chip": "b"}
    with nx.profile() as taken:
        f(nx.ones(3))
    assert [row["primitive"] for row in taken.rows] == ["sin"]


def test_subclasses_are_taken_as_they_are() -> None:
    backend = ReferenceBackend()
    assert as_backend(backend) is backend
    program = nx.capture(lambda x: x + 1, nx.ones(2))
    executable = backend.compile(program, 0)
    assert as_executable(executable) is executable


def test_a_subclass_that_forgets_a_method_is_told_which() -> None:
    class Forgetful(Backend):
        def device_count(self) -> int:
            return 1

    class ForgetfulExecutable(Executable):
        def __call__(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(TypeError, match=r"capabilities"):
        Forgetful()  # type: ignore[abstract]
    with pytest.raises(TypeError, match=r"bind_state"):
        ForgetfulExecutable()  # type: ignore[abstract]


class Counter:
    """State by its method alone."""

    def __init__(self) -> None:
        self.count = nx.Cell(nx.tensor(0.0), name="count")

    def state_cells(self) -> dict[str, nx.Cell]:
        return {"count": self.count}


class CountingState(Counter, State):
    """State that is told of captures."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def begin_capture(self) -> None:
        self.told.append("begin")

    def end_capture(self) -> None:
        self.told.append("end")
        self.count.assign(self.count + 1)


@pytest.mark.parametrize("kind", [Counter, CountingState])
@pytest.mark.parametrize("eager", [False, True])
def test_state_that_is_no_module(device: str, kind: type, eager: bool) -> None:
    counter = kind()

    def add(x: Any) -> Any:
        counter.count.assign(counter.count + x)
        return counter.count.value()

    step = nx.compile(add, state=[counter])
    with nx.debug.eager() if eager else nx.no_grad():
        for _ in range(2):
            step(nx.tensor(2.0))
    more = 2 if kind is CountingState else 0
    assert counter.count.item() == 4 + more
    if kind is CountingState:
        assert counter.told == ["begin", "end"] * (2 if eager else 1)


def test_what_is_no_state() -> None:
    assert as_state(3) is None and as_state(nx.ones(2)) is None
    cell = nx.Cell(nx.ones(2))
    found = as_state(cell)
    assert found is not None and list(found.state_cells().values()) == [cell]
    assert not list(found.random_streams())
    generator = nx.Generator(0)
    assert as_state(generator) is generator
    assert list(generator.random_streams()) == [generator]
    with pytest.raises(NotImplementedError, match="State says nothing of its cells"):
        State().state_cells()
    with pytest.raises(InvalidArgumentError, match=r"state lists modules.*not 3"):
        nx.compile(lambda: 1, state=[3])
