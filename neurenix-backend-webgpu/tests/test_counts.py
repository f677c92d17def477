"""Golden numbers: how many dispatches a meta-step of each workload takes, and that text
does not grow with inner steps. They need no adapter: programs are lowered for any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neurenix as nx
from neurenix import nn
from neurenix.backends import BackendInfo, Capabilities, Executable, discovery
from neurenix.backends.protocol import API_VERSION
from neurenix.backends.reference import ReferenceBackend
from neurenix.errors import BackendError
from neurenix.meta import MAML, MLP, Episode
from neurenix.program import Program
from neurenix_backend_webgpu.lowering import DispatchList, lower
from neurenix_backend_webgpu.lowering.device_numbers import LIMITS, TARGET, TASKS
from neurenix_backend_webgpu.lowering.storage import DTYPES

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "webgpu"


class Lowering(ReferenceBackend):
    """A WebGPU device that only lowers: a program with state becomes a list, and is not
    run."""

    lists: list[DispatchList]

    def capabilities(self, index: int) -> Capabilities:
        return Capabilities(
            dtypes=DTYPES,
            primitives=TARGET.primitives,
            features=TARGET.features,
            limits=LIMITS,
            tasks=TASKS,
        )

    def compile(self, program: Program, index: int, state: int = 0) -> Executable:
        if not state:
            return super().compile(program, index, state)
        self.lists.append(lower(program, state))
        raise BackendError("lowered, and that is all")


BACKEND = Lowering()
discovery.add(
    BackendInfo("lists", API_VERSION, "test", -300, lambda: 1, lambda: BACKEND)
)


@pytest.fixture(autouse=True)
def lists() -> Iterator[list[DispatchList]]:
    nx.init({"device": "lists"})
    BACKEND.lists = []
    yield BACKEND.lists
    nx.init({"device": "reference"})


def lowered(step: Callable[..., Any], *arguments: Any) -> DispatchList:
    with pytest.raises(BackendError, match="lowered, and that is all"):
        step(*arguments)
    (made,) = BACKEND.lists
    made.validate()
    BACKEND.lists.clear()
    return made


@pytest.mark.parametrize(
    ("name", "most"),
    [("w1", 3), ("w2", 3), ("w3", 3), ("w4", 3), ("w5s1", 180), ("w6", 80)],
)
def test_dispatches_of_a_step(
    name: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from workloads import Workload  # type: ignore[import-not-found]

    workload = Workload(name)
    made = lowered(workload.step, *map(nx.tensor, workload.batch()))
    assert len(made.dispatches) <= most


def maml(inner_steps: int) -> DispatchList:
    learner = MAML(MLP([1, 8, 1]), inner_lr=0.01, inner_steps=inner_steps)
    optimizer = nx.optim.Adam(learner.parameters(), lr=1e-3)
    names = dict(learner.named_parameters())

    def step(*tasks: nx.Tensor) -> nx.Tensor:
        values = learner.learned()

        def one(*task: nx.Tensor) -> Any:
            outcome, gradient = learner.task_gradient(values, Episode(*task, None))
            return outcome.loss, gradient

        with nx.no_grad():
            loss, gradient = nx.map(one, reduce="mean")(*tasks)
            optimizer.step([gradient[name] for name in names])
        return loss

    tasks = [nx.zeros(4, 5, 1) for _ in range(4)]
    return lowered(nx.compile(step, state=[learner, optimizer]), *tasks)


def test_text_does_not_grow_with_inner_steps() -> None:
    """Numbers have more digits, and that is all."""
    few, many = maml(5), maml(12)
    assert len(many.modules) == len(few.modules)
    sizes = [sum(map(len, made.modules)) for made in (few, many)]
    assert sizes[1] <= 1.02 * sizes[0]
    assert len(many.dispatches) == len(few.dispatches) == 3


def test_a_scan_is_replayed() -> None:
    """A list with a loop is as long for 100 iterations as for 5, and so is its text."""
    cell = nn.Linear(4, 4)

    def made(length: int) -> DispatchList:
        def step(xs: nx.Tensor) -> nx.Tensor:
            def one(h: nx.Tensor, x: nx.Tensor) -> Any:
                h = nx.tanh(cell(h) + x)
                return h, h

            last, _ = nx.scan(one, nx.zeros(3, 4), xs)
            cell.bias.assign(cell.bias + last.sum(0))
            return last.sum()

        return lowered(nx.compile(step, state=[cell]), nx.zeros(length, 3, 4))

    few, many = made(5), made(100)
    assert few.modules == many.modules
    assert len(few.entries) == len(many.entries) < 10
    assert len(many.dispatches) - len(few.dispatches) == 95 * (
        len(few.regions[0].entries)
    )


def test_the_updates_of_adam_are_one_dispatch() -> None:
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))
    optimizer = nx.optim.Adam(net.parameters(), lr=1e-3)

    def step(x: nx.Tensor) -> None:
        optimizer.step([nx.ones_like(p) * x for p in net.parameters()])

    made = lowered(nx.compile(step, state=[net, optimizer]), nx.ones())
    assert len(made.dispatches) <= 2  # the bias corrections, and all updates
