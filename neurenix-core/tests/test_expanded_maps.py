"""Maps that a device wants expanded: it is asked for each of them, and a chunk holds
either way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.backends import BackendInfo, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend, ReferenceExecutable
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
