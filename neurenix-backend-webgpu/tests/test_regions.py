"""Calls, scans and maps that a device runs as regions, against the reference: replayed
ones, and those of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.passes.tasks import TaskCosts
from neurenix.testing import relative_error
from neurenix_backend_webgpu.backend import WebGPUBackend
from neurenix_backend_webgpu.lowering.device_numbers import TASKS

RNG = np.random.default_rng(4)
Use = Callable[[TaskCosts], None]
EXPANDED = replace(TASKS, most_work=1)


@pytest.fixture
def use(webgpu: WebGPUBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Makes the device, a software adapter or not, run maps by these numbers."""

    def with_numbers(costs: TaskCosts) -> None:
        for name in ("TASKS", "SOFTWARE_TASKS"):
            monkeypatch.setattr(f"neurenix_backend_webgpu.backend.{name}", costs)

    yield with_numbers


def results(f: Callable[..., Any], arrays: Any, device: str = "webgpu") -> list[Any]:
    nx.init({"device": device})
    found = nx.compile(lambda *xs: f(*xs))(*map(nx.tensor, arrays))
    return [y.numpy() for y in (found if isinstance(found, tuple) else (found,))]


def check(f: Callable[..., Any], *arrays: Any, within: float = 1e-6) -> None:
    """Near the reference (by its largest value), and the same bits twice."""
    expected = results(f, arrays, "reference")
    found, again = (results(f, arrays) for _ in range(2))
    for y, same, wanted in zip(found, again, expected, strict=True):
        assert y.tobytes() == same.tobytes()
        assert relative_error(y, wanted) <= within


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


# ---- maps ----------------------------------------------------------------------------


def products(x: Any, w: Any) -> Any:
    """Sums over the tasks, one of integers, and what each gives: one map."""

    def sums(x: Any, w: Any) -> Any:
        y = nx.tanh(x @ w)
        return y.sum(), (y > 0).sum()

    def each(x: Any, w: Any) -> Any:
        return nx.tanh(x @ w)

    total, positive = nx.map(sums, (0, None), reduce="sum")(x, w)
    return total, positive, nx.map(each, (0, None))(x, w)


@pytest.mark.parametrize("tasks", [1, 2, 3, 7, 8, 11])
def test_sums_over_tasks(use: Use, tasks: int) -> None:
    use(TASKS)
    check(products, normal(tasks, 4, 3), normal(3, 5))


def test_tasks_and_the_expanded_map_give_the_same(use: Use) -> None:
    arrays = normal(5, 20, 12), normal(12, 9)
    use(TASKS)
    kept = results(products, arrays)
    use(EXPANDED)
    for a, b in zip(kept, results(products, arrays), strict=True):
        assert relative_error(a, b) <= 1e-6


def test_reductions_by_all_lanes_within_a_task(use: Use) -> None:
    """Steps that use the memory of the workgroup, one after the other."""
    use(TASKS)

    def of_task(x: Any) -> Any:
        return x.mean(), (x * x).sum(0), nx.softmax(x.reshape(-1), 0).max()

    check(nx.map(of_task), normal(3, 400, 3))


def test_chunks_of_tasks(use: Use) -> None:
    use(TASKS)

    def f(x: Any) -> Any:
        return nx.map(lambda a: nx.sin(a @ a).sum(), reduce="sum", chunk=2)(x)

    check(f, normal(5, 3, 3))


def test_a_map_over_nothing(use: Use) -> None:
    use(TASKS)
    check(lambda x: nx.map(lambda a: nx.exp(a).sum(), reduce="sum")(x), normal(0, 3))


def test_bytes_that_begin_within_a_word(use: Use) -> None:
    use(TASKS)

    def f(x: Any) -> Any:
        return nx.map(lambda a: (a + nx.flip(a, 0), a.float().sum()))(x[1:])

    check(f, RNG.integers(0, 200, (4, 5)).astype(np.uint8))


def halves(x: Any) -> Any:
    """Rows of 5 halves: every second one begins within a word."""
    rows, total = nx.map(lambda a: (a * 2, a.sum()))(x)
    last, ys = nx.scan(lambda h, a: (h + a, h * a), x[1], x)
    return rows, total, last, ys


def test_halves_that_begin_within_a_word(use: Use) -> None:
    use(TASKS)
    check(halves, normal(4, 5).astype(np.float16), within=1e-3)


def test_scans_over_halves_within_tasks(use: Use) -> None:
    use(replace(TASKS, dispatch=1e9))

    def f(x: Any) -> Any:
        return nx.map(lambda x: nx.scan(lambda h, a: (h + a, h * a), x[1], x))(x)

    check(f, normal(3, 4, 5).astype(np.float16), within=1e-3)


def test_a_task_of_inner_steps(use: Use) -> None:
    """Second-order MAML in small: repeated calls, their reverses, sums over tasks."""

    def loss(w: Any, x: Any) -> Any:
        return (nx.tanh(x @ w[0]) @ w[1]).mean()

    inner = nx.compile(
        lambda w, x: [a - 0.1 * g for a, g in zip(w, nx.grad(loss)(w, x), strict=True)]
    )

    def of_task(x: Any, *w: Any) -> Any:
        for _ in range(3):
            w = inner(w, x)
        return loss(w, x)

    def step(x: Any, *w: Any) -> Any:
        def mean(w: Any) -> Any:
            return nx.map(of_task, (0, None, None), reduce="mean")(x, *w)

        value, gradient = nx.value_and_grad(mean)(list(w))
        return value, *gradient

    use(replace(TASKS, dispatch=1e9))
    check(step, normal(3, 4, 3), normal(3, 5), normal(5, 1))


# ---- scans ---------------------------------------------------------------------------


def recurrent(length: int) -> Callable[..., Any]:
    def f(w: Any, xs: Any) -> Any:
        def loss(w: Any) -> Any:
            def one(h: Any, x: Any) -> Any:
                h = (nx.tanh(h[0] @ w + x), h[1] + 1)
                return h, h[0] * 2

            start = (xs[0], nx.zeros((), dtype=nx.int32))
            (last, count), ys = nx.scan(one, start, xs)
            return (last * ys).sum() * count.float()

        return nx.value_and_grad(loss)(w)

    return f


@pytest.mark.parametrize("length", [1, 2, 5])
def test_scans_and_their_derivatives(use: Use, length: int) -> None:
    """Of which the reverse goes backwards, over carries that were kept."""
    check(recurrent(length), normal(3, 3), normal(length, 2, 3))


def test_scans_within_tasks(use: Use) -> None:
    use(replace(TASKS, dispatch=1e9))
    one = recurrent(4)
    check(lambda w, xs: nx.map(one, (None, 0))(w, xs), normal(3, 3), normal(2, 4, 2, 3))


def test_calls_that_stay(use: Use) -> None:
    layer = nx.compile(lambda x, w: (nx.tanh(x @ w), x.sum()))

    def f(x: Any, w: Any) -> Any:
        total = 0.0
        for _ in range(3):
            x, s = layer(x, w)
            total = total + s
        return x, total

    check(f, normal(4, 4), normal(4, 4))
