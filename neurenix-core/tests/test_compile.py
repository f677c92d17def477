"""nx.compile: what it captures, what it refuses, and what it puts back."""

from __future__ import annotations

import gc
import inspect
import json
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import CaptureError, InvalidArgumentError
from neurenix.program.to_json import from_json, to_json


def test_compiled_is_eager(device: str) -> None:
    f = lambda x, scale: {"y": nx.tanh(x) * scale, "sum": x.sum()}  # noqa: E731
    x = nx.tensor(np.linspace(-1, 1, 12).reshape(3, 4))
    eager, compiled = f(x, 2.0), nx.compile(f)(x, 2.0)
    assert np.allclose(eager["y"].numpy(), compiled["y"].numpy(), rtol=1e-6)
    assert np.allclose(eager["sum"].numpy(), compiled["sum"].numpy(), atol=1e-6)


def test_a_program_for_each_shape_dtype_and_static_value(device: str) -> None:
    f = nx.compile(lambda x, n: x * n)
    for x, n in (
        (nx.ones(2), 2),
        (nx.ones(2), 2),
        (nx.ones(3), 2),
        (nx.ones(2), 3),
        (nx.ones(2, dtype="float64"), 2),
    ):
        assert f(x, n).tolist() == [float(n)] * x.size
    assert len(f.entries) == 4


def test_numbers_around_are_part_of_the_key(device: str) -> None:
    factor = 2.0

    def f(x: Any) -> Any:
        return x * factor

    compiled = nx.compile(f)
    assert compiled(nx.ones(1)).item() == 2.0
    factor = 5.0
    assert compiled(nx.ones(1)).item() == 5.0


def test_state_is_updated_in_place_and_others_keep_theirs(device: str) -> None:
    cell = nx.Cell(nx.tensor([1.0, 2.0]), name="c")

    def step(x: Any) -> Any:
        before = cell.value()
        cell.assign(cell + x)
        return (before * 2).sum()

    f = nx.compile(step, state=[cell])
    held = cell.detach()
    assert f(nx.ones(2)).item() == 6.0
    view = cell.numpy()
    assert f(nx.ones(2)).item() == 10.0
    assert (
        held.tolist() == [1.0, 2.0]
        and view.tolist() == [2.0, 3.0]
        and cell.tolist() == [3.0, 4.0]
    )
    cell.assign([10.0, 20.0])
    assert f(nx.ones(2)).item() == 60.0 and cell.tolist() == [11.0, 21.0]


def test_two_cells_can_change_places(device: str) -> None:
    a, b = nx.Cell(nx.tensor([1.0]), name="a"), nx.Cell(nx.tensor([2.0]), name="b")

    def swap() -> Any:
        x, y = a.value(), b.value()
        a.assign(y)
        b.assign(x)
        return x

    f = nx.compile(swap, state=[a, b])
    assert f().item() == 1.0
    assert (a.item(), b.item()) == (2.0, 1.0)
    f()
    assert (a.item(), b.item()) == (1.0, 2.0)


def test_guard_keeps_the_last_good_state(device: str) -> None:
    cell = nx.Cell(nx.tensor(1.0), name="c")

    def step(x: Any) -> Any:
        cell.assign(cell * x)
        return cell + 0.0

    f = nx.compile(step, state=[cell], guard=True)
    assert bool(f(nx.tensor(3.0))[1]) and cell.item() == 3.0
    value, ok = f(nx.tensor(float("inf")))
    assert not bool(ok) and np.isinf(value.item()) and cell.item() == 3.0


def test_a_failed_capture_puts_everything_back(device: str) -> None:
    cell = nx.Cell(nx.tensor(1.0), requires_grad=True, name="c")
    leaf = cell.node

    def bad(x: Any) -> Any:
        cell.assign(cell * x)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        nx.compile(bad, state=[cell])(nx.tensor(2.0))
    assert cell.item() == 1.0 and cell.node is leaf and (cell + 1).item() == 2.0


def test_refusals_name_the_culprit(device: str) -> None:
    outside, stray = nx.ones(2), nx.Cell(nx.tensor(1.0), name="stray")
    with pytest.raises(CaptureError, match="'outside'"):
        nx.compile(lambda x: x + outside)(nx.ones(2))
    assert nx.compile(lambda x: x + nx.constant(outside))(nx.ones(2)).tolist() == [
        2.0,
        2.0,
    ]
    with pytest.raises(CaptureError, match="stray"):
        nx.compile(lambda x: stray.assign(x))(nx.tensor(2.0))
    with pytest.raises(CaptureError, match=r"nx\.where"):
        nx.compile(lambda x: x if x.sum() > 0 else -x)(nx.ones(2))
    with pytest.raises(InvalidArgumentError, match="state"):
        nx.compile(lambda x: x, state=[object()])
    with pytest.raises(CaptureError, match="stray"):
        nx.map(lambda x: stray.assign(x))(nx.ones(2))


def test_nested_is_one_call_derived_once(device: str) -> None:
    inner = nx.compile(
        lambda w, x: w - nx.grad(lambda w: (nx.tanh(w * x) ** 2).sum())(w) * 0.1
    )

    def unrolled(steps: int) -> Any:
        def f(w: Any, x: Any) -> Any:
            for _ in range(steps):
                w = inner(w, x)
            return (w * w).sum()

        return nx.compile(nx.grad(f))

    x, w = nx.tensor([0.5, 1.5]), nx.tensor([1.0, -1.0])
    sizes = {}
    for steps in (1, 5, 32):
        g = unrolled(steps)
        g(w, x)
        (entry,) = g.entries.values()
        sizes[steps] = entry.program.size()
    assert sizes[32] < 4 * sizes[5]
    eager = w

    def plain(w: Any) -> Any:
        for _ in range(5):
            w = w - nx.grad(lambda w: (nx.tanh(w * x) ** 2).sum())(w) * 0.1
        return (w * w).sum()

    assert np.allclose(
        unrolled(5)(eager, x).numpy(), nx.grad(plain)(w).numpy(), rtol=1e-5
    )


def test_under_a_tape_a_compiled_function_is_differentiable(device: str) -> None:
    f = nx.compile(lambda x: (nx.sin(x) * x).sum())
    x = np.array([0.3, 1.2])
    expected = np.cos(x) * x + np.sin(x)
    assert np.allclose(nx.grad(f)(nx.tensor(x)).numpy(), expected, rtol=1e-5)
    second = nx.grad(lambda x: nx.grad(f)(x).sum())(nx.tensor(x))
    assert np.allclose(second.numpy(), 2 * np.cos(x) - x * np.sin(x), rtol=1e-5)


def test_random_state_advances_once_a_call(device: str) -> None:
    generator = nx.Generator(5)
    f = nx.compile(
        lambda: (
            nx.uniform((3,), generator=generator),
            nx.uniform((3,), generator=generator),
        ),
        state=[generator],
    )
    a, b = f()
    c, _ = f()
    assert (
        len({*a.tolist(), *b.tolist(), *c.tolist()}) == 9 and generator.step.item() == 2
    )
    again = nx.Generator(5)
    g = nx.compile(
        lambda: (nx.uniform((3,), generator=again), nx.uniform((3,), generator=again)),
        state=[again],
    )
    assert g()[0].tolist() == a.tolist()


def test_steps_leave_no_garbage(device: str) -> None:
    cell = nx.Cell(nx.ones(4), name="c")

    def step(x: Any) -> Any:
        loss, g = nx.value_and_grad(lambda w: ((w * x) ** 2).sum())(cell.value())
        cell.assign(cell - g * 0.01)
        return loss

    f = nx.compile(step, state=[cell])
    f(nx.ones(4))
    gc.collect()
    gc.disable()
    try:
        x = nx.ones(4)
        for _ in range(50):
            f(x)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_programs_print_and_survive_json(device: str) -> None:
    f = nx.compile(
        lambda w, xs: nx.grad(
            lambda w: nx.map(lambda x: nx.tanh(x * w).sum(), reduce="mean")(xs)
        )(w)
    )
    w, xs = nx.tensor([0.5, 0.7]), nx.tensor([[1.0, 2.0], [3.0, 4.0]])
    f(w, xs)
    (entry,) = f.entries.values()
    again = from_json(json.loads(json.dumps(to_json(entry.program))))
    assert (
        str(again) == str(entry.program)
        and "map(" in str(again)
        and "test_compile.py:" in str(again)
    )
    a, b = (p.evaluate([w.numpy(), xs.numpy()]) for p in (again, entry.program))
    assert all((x == y).all() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("options", [None, {}, {"guard": True}, {"state": True}])
def test_as_a_decorator(options: dict[str, Any] | None, device: str) -> None:
    model = nx.nn.Linear(2, 1)
    optimizer = nx.optim.SGD(model.parameters(), lr=0.1)
    if options and "state" in options:
        options = {"state": [model, optimizer]}
    decorator = nx.compile if options is None else nx.compile(**options)

    @decorator
    def step(x: nx.Tensor, scale: float = 2.0) -> nx.Tensor:
        """What it does."""
        if not options or "state" not in options:
            return x.sum() * scale
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    assert isinstance(step, nx.Compiled)
    assert (step.__name__, step.__doc__) == ("step", "What it does.")
    assert step.__module__ == __name__ and step.__qualname__.endswith("step")
    assert list(inspect.signature(step).parameters) == ["x", "scale"]
    found = step(nx.ones(3, 2))
    if options and "state" in options:
        assert step(nx.ones(3, 2)).item() < found.item()
    else:
        value = found[0] if options else found
        assert value.item() == 12.0


def test_a_decorator_checks_its_state() -> None:
    with pytest.raises(nx.errors.InvalidArgumentError, match="state lists modules"):

        @nx.compile(state=[3])
        def step(x: nx.Tensor) -> nx.Tensor:
            return x
