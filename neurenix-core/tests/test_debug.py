"""nx.debug.eager: the results of programs, by ordinary Python; and printing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    CaptureError,
    InvalidArgumentError,
    ShapeError,
    StepsInterrupted,
)

pytestmark = pytest.mark.usefixtures("device")
X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)

FORMS: dict[str, Any] = {
    "compile": nx.compile(lambda x: (nx.sin(x) * x).sum()),
    "compiled grad": nx.compile(nx.grad(lambda x: (nx.sin(x) * x).sum())),
    "grad of compiled": nx.grad(nx.compile(lambda x: (nx.sin(x) * x).sum())),
    "map": nx.map(lambda r: (r * r, nx.exp(r).sum())),
    "map sum": nx.map(lambda r: (r * r).sum(), reduce="sum"),
    "map mean": nx.map(lambda r: {"a": r * 0.3, "b": r.max()}, reduce="mean"),
    "grad of map": nx.grad(
        lambda x: nx.map(lambda r: (r**3).sum(), reduce="mean")(x) + x.sum()
    ),
    "map shared": lambda x: nx.map(lambda a, b: a @ b, in_axes=(0, None))(x, x[0]),
    "vmap": nx.vmap(lambda r: nx.outer(r, r), out_axes=1),
    "vmap of columns": nx.vmap(lambda r: r.sum(), in_axes=1),
    "scan": lambda x: nx.scan(lambda c, r: (c + r * c, c.sum()), x[0], x),
    "grad of scan": nx.grad(
        lambda x: nx.scan(lambda c, r: (c + r * c, c), x[0], x)[0].sum()
    ),
    "scan of numbers": lambda x: nx.scan(lambda c, _: (c * 0.5, c), x, length=3),
    "jacobian": nx.jacobian(lambda x: nx.tanh(x).sum(axis=1)),
    "hvp": lambda x: nx.hvp(lambda y: (y**3).sum(), (x,), (x,), forward_over_reverse=1),
    "remat": nx.grad(nx.remat(lambda x: (nx.sin(x) ** 2).sum())),
    "nested": nx.compile(
        nx.map(nx.compile(lambda r: nx.grad(nx.compile(lambda y: (y**4).sum()))(r)))
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_as_the_program(name: str) -> None:
    f = FORMS[name]
    wanted, structure = nx.tree.flatten(f(nx.tensor(X)))
    with nx.debug.eager():
        found, same = nx.tree.flatten(f(nx.tensor(X)))
    assert structure == same
    for a, b in zip(found, wanted, strict=True):
        assert a.type == b.type and a.requires_grad == b.requires_grad
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-6, atol=1e-6)


def test_control_flow_that_depends_on_values(capsys: Any) -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        nx.debug.print("sum {}", x.sum().item())
        return x * 2.0 if x.sum() > 0 else x * 0.0

    for form in (nx.compile(f), nx.map(f), nx.vmap(f)):
        with pytest.raises(CaptureError, match="compile=False"):
            form(nx.tensor([[1.0, 2.0], [-1.0, -2.0]]))
    x = nx.tensor([[1.0], [-1.0]])
    with nx.debug.eager():
        assert nx.map(f)(x).tolist() == [[2.0], [0.0]]
        assert nx.vmap(f)(x).tolist() == [[2.0], [0.0]]
        assert nx.compile(f)(np.ones((2,), np.float32)).tolist() == [2.0, 2.0]
        assert nx.grad(lambda y: nx.map(f)(y).sum())(x).tolist() == [[2.0], [0.0]]
    assert capsys.readouterr().out.splitlines()[:2] == ["sum 1.0", "sum -1.0"]


def trained(steps: int, many: bool = False, guard: bool = False) -> Any:
    nx.manual_seed(1)
    model = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    def step(x: nx.Tensor) -> nx.Tensor:
        model.zero_grad()
        loss = (model(x) ** 2).mean() + nx.map(
            lambda r: (nx.rand(3) * r).sum(), reduce="sum"
        )(x) * 0.01
        loss.backward()
        optimizer.step()
        return loss

    run = nx.compile(step, [model, optimizer, nx.random.default_generator], guard=guard)
    if many:
        out = run.run_steps(np.stack([X] * steps))
    else:
        out = [run(X) for _ in range(steps)]
    state = {**model.state_dict(), **optimizer.state_dict(), **nx.random.state_dict()}
    return out, {n: np.asarray(v) for n, v in state.items()}


@pytest.mark.parametrize("many", [False, True])
def test_state_and_random_numbers_are_those_of_the_program(many: bool) -> None:
    wanted, state = trained(3, many)
    with nx.debug.eager():
        found, same = trained(3, many)
    assert np.allclose([float(x) for x in found], [float(x) for x in wanted], rtol=1e-5)
    for name, value in state.items():
        if name not in ("0.bias",):  # batch norm undoes it: its gradient is rounding
            assert np.allclose(same[name], value, rtol=2e-4, atol=1e-5), name


def test_a_call_that_fails_changes_nothing() -> None:
    model = nn.Linear(1, 1)
    generator = nx.Generator(3)

    def step(x: nx.Tensor, fails: bool) -> nx.Tensor:
        model.weight.assign(model.weight * 2.0)
        noise = nx.rand(1, generator=generator)
        assert (model.weight.numpy() == 2.0 * before).all()
        if fails:
            raise KeyboardInterrupt
        return (model(x) * noise).sum()

    run = nx.compile(step, state=[model, generator], guard=True)
    before = model.weight.numpy().copy()
    with nx.debug.eager():
        with pytest.raises(KeyboardInterrupt):
            run(nx.ones(1, 1), True)
        assert (model.weight.numpy() == before).all() and generator.step.item() == 0
        _, ok = run(nx.tensor([[np.inf]]), False)
        assert not ok.item()
        assert (model.weight.numpy() == before).all() and generator.step.item() == 0
        _, ok = run(nx.ones(1, 1), False)
    assert ok.item() and (model.weight.numpy() == 2.0 * before).all()
    assert generator.step.item() == 1


def test_steps_end_where_programs_do() -> None:
    total = nx.Cell(nx.tensor(0.0))

    def add(x: nx.Tensor) -> nx.Tensor:
        if float(x) == 3.0:
            raise KeyboardInterrupt
        total.assign(total + x)
        return total.value()

    with nx.debug.eager():
        run = nx.compile(add, state=[total])
        with pytest.raises(StepsInterrupted) as caught:
            run.run_steps(nx.tensor([1.0, 2.0, 3.0, 4.0]))
        assert caught.value.done == 2 and caught.value.results.tolist() == [1.0, 3.0]
        guarded = nx.compile(add, state=[total], guard=True)
        out, ok = guarded.run_steps(nx.tensor([1.0, np.inf, 1.0]))
    assert ok.tolist() == [True, False] and out.tolist()[0] == 4.0
    assert total.item() == 4.0


def test_gradients_stay_within_a_call() -> None:
    p = nn.Parameter([2.0])

    def step() -> Any:
        (p * p).sum().backward()
        return p.grad

    with nx.debug.eager(), nx.no_grad():
        assert nx.compile(step, state=[p])().tolist() == [4.0]
    assert p.grad is None


def test_iterations_of_other_shapes_are_an_error() -> None:
    with nx.debug.eager(), pytest.raises(ShapeError, match="an output is float32"):
        nx.map(lambda x: nx.zeros(1 + int(x.item())))(nx.tensor([1.0, 2.0]))
    with nx.debug.eager(), pytest.raises(ShapeError, match="scan: the carry is"):
        nx.scan(lambda c, x: (c.sum(), x), nx.ones(2), nx.ones(2))


def test_only_around_a_capture() -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        with nx.debug.eager():
            return x

    with pytest.raises(CaptureError, match="around the outermost call"):
        nx.compile(f)(nx.ones(1))
    assert nx.compile(lambda x: x + 1.0)(nx.ones(1)).tolist() == [2.0]


def test_printing(capsys: Any) -> None:
    nx.debug.print("{} and {name:.1f}", nx.tensor([1, 2]).tolist(), name=0.25)
    assert capsys.readouterr().out == "[1, 2] and 0.2\n"
    with pytest.raises(InvalidArgumentError, match="is no text"):
        nx.debug.print(nx.ones(1))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="does not go with 0 values"):
        nx.debug.print("{}")
