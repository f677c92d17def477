"""Maps that a device wants expanded: it is asked for each of them, and a chunk holds
either way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION, Capabilities
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
from neurenix.errors import InvalidArgumentError
from neurenix.passes.tasks import TaskCosts
from neurenix.program import Instruction, Program

_numbers = count()
RNG = np.random.default_rng(3)


class Choosy(ReferenceBackend):
    """The reference, which takes only maps of a few iterations as maps."""

    def __init__(self, wants: Callable[[dict[str, Any]], bool]) -> None:
        self.wants = wants
        self.programs: list[Program] = []

    def expands(self, instruction: Instruction) -> bool:
        assert instruction.primitive.name == "map"
        return self.wants(instruction.params)

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        self.programs.append(program)
        return super().compile(program, index, state)

    def instructions(self) -> list[Instruction]:
        """Of the last program, those in its regions too."""
        last = self.programs[-1]
        return [i for p in (last, *last.regions()) for i in p.instructions]

    def iterations(self) -> list[int]:
        """Of the maps that are left in it."""
        maps = [i for i in self.instructions() if i.primitive.name == "map"]
        return sorted(i.params["iterations"] for i in maps)


Use = Callable[[Callable[[dict[str, Any]], bool]], Choosy]


@pytest.fixture
def use() -> Iterator[Use]:
    def made(wants: Callable[[dict[str, Any]], bool]) -> Choosy:
        name, backend = f"choosy_{next(_numbers)}", Choosy(wants)
        discovery.add(
            BackendInfo(name, API_VERSION, "test", -300, lambda: 1, lambda: backend)
        )
        nx.init({"device": name})
        return backend

    yield made
    nx.init()


def on_reference(f: Callable[..., Any], *arrays: Any) -> Any:
    nx.init({"device": "reference"})
    return nx.compile(f)(*map(nx.tensor, arrays))


def test_each_map_is_asked_for(use: Use) -> None:
    """The larger one becomes batched operations, the other stays."""

    def f(few: Any, many: Any) -> Any:
        small = nx.map(lambda x: nx.sin(x).sum())(few)
        large = nx.map(lambda x: nx.cos(x).sum())(many)
        return small, large

    arrays = RNG.normal(size=(3, 2)), RNG.normal(size=(8, 2))
    expected = on_reference(f, *arrays)
    backend = use(lambda p: p["iterations"] > 4)
    found = nx.compile(f)(*map(nx.tensor, arrays))
    assert backend.iterations() == [3]
    for mine, theirs in zip(found, expected, strict=True):
        assert np.allclose(mine, theirs, rtol=1e-6)


@pytest.mark.parametrize("outer", [False, True])
def test_maps_within_maps(use: Use, outer: bool) -> None:
    """Whichever of the two goes."""

    def f(x: Any, w: Any) -> Any:
        def of_row(row: Any) -> Any:
            return nx.map(lambda a, w: (nx.tanh(a) * w).sum(), (0, None))(row, w)

        return nx.map(of_row)(x)

    arrays = RNG.normal(size=(3, 5, 2)), RNG.normal(size=2)
    expected = on_reference(f, *arrays)
    backend = use(lambda p: p["iterations"] == (3 if outer else 5))
    found = nx.compile(f)(*map(nx.tensor, arrays))
    assert backend.iterations() == [5 if outer else 3]
    assert np.allclose(found, expected, rtol=1e-6)


def meta_step(chunk: int) -> Callable[..., Any]:
    """Values of every iteration, a sum over them, and the gradient of the sum."""

    def f(xs: Any, w: Any) -> Any:
        def loss(w: Any) -> Any:
            def of_task(x: Any, w: Any) -> Any:
                return (nx.tanh(x * w) * x).sum()

            each = nx.map(of_task, (0, None), reduce="sum", chunk=chunk)
            return each(xs, w)

        rows = nx.map(lambda x, w: x * w, (0, None), chunk=chunk)(xs, w)
        total, gradient = nx.value_and_grad(loss)(w)
        return rows, total, gradient

    return f


@pytest.mark.parametrize("iterations", [1, 2, 7, 8, 11])
@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 16])
def test_a_chunk_holds_and_the_sum_keeps_its_bits(
    use: Use, iterations: int, chunk: int
) -> None:
    arrays = RNG.normal(size=(iterations, 3)), RNG.normal(size=3)
    expected = on_reference(meta_step(0), *arrays)
    backend = use(lambda p: True)
    found = nx.compile(meta_step(chunk))(*map(nx.tensor, arrays))
    assert backend.iterations() == []
    for mine, theirs in zip(found, expected, strict=True):
        assert np.array_equal(mine, theirs)
    working = {"tanh", "fused"}
    for i in backend.instructions():
        sizes = [s.type.shape[0] for s in i.inputs if len(s.type.shape) == 2]
        if i.primitive.name in working and chunk < iterations:
            assert all(n <= chunk for n in sizes), i.primitive.name


def test_devices_that_choose_otherwise_share_no_program(use: Use) -> None:
    def f(x: Any) -> Any:
        return nx.map(lambda row: nx.scan(lambda c, a: (c + a, c), row.sum(), row))(x)

    f_compiled = nx.compile(lambda x: nx.map(lambda a: f(a)[0])(x))
    x = RNG.normal(size=(2, 3, 4))
    results = []
    for wanted in ([2, 3], [3], []):
        backend = use(lambda p, wanted=wanted: p["iterations"] not in wanted)
        results.append(f_compiled(nx.tensor(x)).numpy())
        assert backend.iterations() == wanted
    assert np.allclose(results[0], results[1]) and np.allclose(results[0], results[2])


def test_random_bits_are_those_of_the_map(use: Use) -> None:
    """Its batch rule is a map, which is not to come back."""

    def f(x: Any) -> Any:
        generator = nx.Generator(5)
        draw = nx.compile(
            lambda x: nx.map(lambda a: a + nx.rand(3, generator=generator))(x),
            state=[generator],
        )
        return draw(nx.tensor(x))

    x = np.zeros(4, np.float32)
    nx.init({"device": "reference"})
    expected = f(x)
    backend = use(lambda p: True)
    assert np.array_equal(f(x), expected)
    assert backend.iterations() == []


class Tasks(Choosy):
    """The reference as a device that runs tasks: core decides by these numbers."""

    def __init__(self, costs: TaskCosts) -> None:
        super().__init__(lambda p: False)
        self.costs = costs

    def capabilities(self, index: int) -> Capabilities:
        return replace(super().capabilities(index), tasks=self.costs)


@pytest.fixture
def tasks() -> Iterator[Callable[[TaskCosts], Tasks]]:
    def made(costs: TaskCosts) -> Tasks:
        name, backend = f"tasks_{next(_numbers)}", Tasks(costs)
        discovery.add(
            BackendInfo(name, API_VERSION, "test", -300, lambda: 1, lambda: backend)
        )
        nx.init({"device": name})
        return backend

    yield made
    nx.init()


RunTasks = Callable[[TaskCosts], Tasks]
WIDE = RNG.normal(size=(4, 32, 32)).astype(np.float32)


def products(x: Any) -> Any:
    return nx.map(lambda a: nx.tanh(a @ a).sum(), reduce="sum")(x)


@pytest.mark.parametrize(
    ("costs", "kept"),
    [
        (TaskCosts(), True),
        (TaskCosts(dispatch=0.0), False),
        (TaskCosts(dispatch=0.0, barrier=0.0, groups=1, lanes=1), True),
        (TaskCosts(groups=1, barrier=20000.0), False),  # four rounds
        (TaskCosts(groups=4, barrier=20000.0), True),
        (TaskCosts(most_work=32**3 - 1), False),
        (TaskCosts(most_work=32**3), True),
        (TaskCosts(most_elements=1000), False),
        (TaskCosts(most_operands=1), False),
        (TaskCosts(most_steps=2), False),
        (TaskCosts(most_time=3000.0), False),  # three steps, and their work
        (TaskCosts(most_time=4000.0), True),
        (TaskCosts(unknown=frozenset({"tanh"})), False),
    ],
    ids=str,
)
def test_core_decides_by_a_devices_numbers(
    tasks: RunTasks, costs: TaskCosts, kept: bool
) -> None:
    """Before fusing: what is expanded has its chains, as what is kept has."""
    expected = on_reference(products, WIDE).numpy()
    backend = tasks(costs)
    found = nx.compile(products)(nx.tensor(WIDE))
    assert backend.iterations() == ([4] if kept else [])
    assert "fused" in {i.primitive.name for i in backend.instructions()}
    assert np.allclose(found.numpy(), expected, rtol=1e-6)


def test_expanded_values_keep_to_the_memory(tasks: RunTasks) -> None:
    """In chunks, whose sums are branches of the same tree."""
    expected = on_reference(products, WIDE).numpy()
    nbytes = 32 * 32 * 4
    backend = tasks(TaskCosts(dispatch=0.0, memory_bytes=5 * nbytes))
    found = nx.compile(products)(nx.tensor(WIDE))
    scans = [i for i in backend.instructions() if i.primitive.name == "scan"]
    assert [s.params["length"] for s in scans] == [2]
    assert np.array_equal(found.numpy(), expected)


def test_a_map_within_a_task_comes_expanded(tasks: RunTasks) -> None:
    def f(x: Any) -> Any:
        return nx.map(lambda rows: nx.map(lambda r: nx.sin(r).sum())(rows))(x)

    x = RNG.normal(size=(3, 5, 2))
    expected = on_reference(f, x).numpy()
    backend = tasks(TaskCosts())
    assert np.allclose(nx.compile(f)(nx.tensor(x)), expected, rtol=1e-6)
    assert backend.iterations() == [3]


def test_numbers_that_no_device_has() -> None:
    with pytest.raises(InvalidArgumentError, match=r"lanes=0.* too small"):
        TaskCosts(lanes=0)
