"""map, vmap, scan, jvp, the tape: against loops, formulas and finite differences."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.testing import numeric_gradient
from neurenix.transforms import regions

F64 = nx.float64


def t(x: Any) -> nx.Tensor:
    return nx.tensor(x, dtype=F64)


def rows(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape)


def curved(w: Any, x: Any) -> Any:
    """Something with second derivatives in both arguments."""
    return (nx.tanh(x * w) * nx.sin(x)).sum() + (w * w * x).sum()


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 4, 0), (3, 1, 4), (0, 4)], ids=str)
def test_a_compiled_scan_has_a_derivative_of_any_shape(device: str, shape: Any) -> None:
    def loss(start: Any, xs: Any, w: Any) -> Any:
        last, ys = nx.scan(lambda c, x: (nx.tanh(c + x), (c * w).sum()), start, xs)
        return (last * last).sum() + ys.sum()

    args = [t(rows(*s)) for s in (shape[1:], shape, shape[1:])]
    gradient = nx.grad(loss, argnums=(0, 1, 2))
    eager, compiled = gradient(*args), nx.compile(gradient)(*args)
    for a, b in zip(eager, compiled, strict=True):
        assert a.shape == b.shape and np.allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_regions_of_primitives_are_forgotten(device: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(regions, "_BOUND", 4)
    for n in range(2, 9):
        drawn = nx.vmap(lambda x, n=n: nx.uniform((n,)) + x)(nx.ones(2))
        assert drawn.shape == (2, n)
    assert 0 < len(regions._CAPTURED) <= 4


def test_map_is_the_loop(device: str) -> None:
    w, xs = t(0.7), t(rows(5, 3))
    looped = np.stack([curved(w, xs[i]).numpy() for i in range(5)])
    assert np.allclose(nx.map(lambda x: curved(w, x))(xs).numpy(), looped, rtol=1e-12)
    assert np.allclose(nx.vmap(lambda x: curved(w, x))(xs).numpy(), looped, rtol=1e-12)
    mean = nx.map(lambda x: curved(w, x), reduce="mean")(xs)
    assert np.allclose(mean.item(), looped.mean(), rtol=1e-12)


@pytest.mark.parametrize("over", [nx.map, nx.vmap], ids=["map", "vmap"])
def test_derivatives_through_map(device: str, over: Any) -> None:
    xs = rows(4, 3)

    def loss(w: Any, xs: Any) -> Any:
        return nx.tanh(over(lambda x: curved(w, x))(xs)).mean()

    def directional(w: Any, xs: Any) -> Any:
        gw, gx = nx.grad(loss, (0, 1))(w, xs)
        return gw * 0.3 + (gx * nx.cos(xs)).sum()

    point = [np.float64(0.7), xs]
    for f in (loss, directional):
        direction = [np.float64(1.3), rows(4, 3, seed=1)]
        gw, gx = nx.grad(f, (0, 1))(t(point[0]), t(xs))
        found = gw.item() * 1.3 + float((gx.numpy() * direction[1]).sum())
        expected = numeric_gradient(
            lambda a, f=f: f(t(a[0]), t(a[1])).item(), point, direction, 1e-4
        )
        assert abs(found - expected) < 1e-7 * max(1, abs(expected))


def test_map_of_map_and_vmap_of_map(device: str) -> None:
    xs = t(rows(2, 3, 4))
    expected = np.tanh(xs.numpy()).sum(-1)
    assert np.allclose(
        nx.map(nx.map(lambda x: nx.tanh(x).sum()))(xs).numpy(), expected, rtol=1e-12
    )
    assert np.allclose(
        nx.vmap(nx.map(lambda x: nx.tanh(x).sum()))(xs).numpy(), expected, rtol=1e-12
    )
    assert np.allclose(
        nx.map(nx.vmap(lambda x: nx.tanh(x).sum()))(xs).numpy(), expected, rtol=1e-12
    )
    inner = nx.map(lambda x: nx.map(lambda y: nx.sin(y), reduce="sum")(x), reduce="sum")
    assert np.allclose(inner(xs).numpy(), np.sin(xs.numpy()).sum((0, 1)), rtol=1e-12)


@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 7])
def test_chunks_do_not_change_a_bit(device: str, chunk: int) -> None:
    xs = nx.tensor(rows(7, 50))
    whole = nx.map(lambda x: nx.exp(x), reduce="sum")(xs)
    assert (
        nx.map(lambda x: nx.exp(x), reduce="sum", chunk=chunk)(xs).numpy()
        == whole.numpy()
    ).all()


def test_scan_is_the_loop(device: str) -> None:
    w, xs = t(rows(3)), t(rows(6, 3, seed=2))

    def looped(w: Any, xs: Any, c: Any) -> Any:
        total = t(0.0)
        for i in range(6):
            c = nx.tanh(c * w + xs[i])
            total = total + (c * c).sum()
        return total + c.sum()

    def scanned(w: Any, xs: Any, c: Any) -> Any:
        def step(c: Any, x: Any) -> Any:
            c = nx.tanh(c * w + x)
            return c, (c * c).sum()

        last, ys = nx.scan(step, c, xs)
        return ys.sum() + last.sum()

    args = (w, xs, t(rows(3, seed=3)))
    assert abs(scanned(*args).item() - looped(*args).item()) < 1e-12

    def second(f: Any) -> Any:
        return lambda *a: sum((g * g).sum() for g in nx.grad(f, (0, 1, 2))(*a))

    for f, g in ((scanned, looped), (second(scanned), second(looped))):
        for a, b in zip(
            nx.grad(f, (0, 1, 2))(*args), nx.grad(g, (0, 1, 2))(*args), strict=True
        ):
            assert np.allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)


def test_scan_in_vmap_and_without_xs(device: str) -> None:
    starts = t(rows(4, 2))
    power = nx.vmap(lambda c: nx.scan(lambda c, _: (c * 1.5, None), c, length=3)[0])
    assert np.allclose(power(starts).numpy(), starts.numpy() * 1.5**3)


def test_jvp_is_the_directional_derivative(device: str) -> None:
    x, v = rows(5), rows(5, seed=1)
    y, tangent = nx.jvp(lambda x: nx.tanh(x) * x, (t(x),), (t(v),))
    assert np.allclose(y.numpy(), np.tanh(x) * x)
    assert np.allclose(
        tangent.numpy(), v * (np.tanh(x) + x * (1 - np.tanh(x) ** 2)), rtol=1e-10
    )
    hessian_times = nx.jvp(nx.grad(lambda x: (x**3).sum()), (t(x),), (t(v),))[1]
    assert np.allclose(hessian_times.numpy(), 6 * x * v, rtol=1e-10)


def test_backward_fills_leaves_and_adds(device: str) -> None:
    p = nx.tensor([1.0, 2.0], requires_grad=True)
    (p * p).sum().backward()
    (p * 3).sum().backward()
    assert p.grad is not None and p.grad.tolist() == [5.0, 7.0]
    assert not (p.detach() * p.detach()).requires_grad


def test_grad_of_outer_variable_inside_grad(device: str) -> None:
    def outer(x: Any) -> Any:
        return nx.grad(lambda y: (x * x * y * y).sum())(x * 2).sum()

    assert nx.grad(outer)(t([3.0])).tolist() == [12 * 9.0]


def test_the_tape_is_freed_without_the_collector(device: str) -> None:
    gc.collect()
    gc.disable()
    try:
        w = nx.tensor(rows(4, 4), requires_grad=True)
        y = nx.map(lambda x: nx.tanh(x @ w).sum())(nx.tensor(rows(3, 4))).sum()
        y.backward()
        seen = weakref.ref(y.node)
        del y
        assert seen() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_long_tapes_need_no_recursion(device: str) -> None:
    x = nx.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5000):
        y = y + 1e-4
    y.backward()
    assert x.grad is not None and x.grad.item() == 1.0
    del y


def test_random_numbers_differ_by_iteration_and_not_by_chunk(device: str) -> None:
    def draws(chunk: int) -> Any:
        nx.manual_seed(3)
        return nx.map(lambda x: nx.uniform((4,)) + x * 0, chunk=chunk)(
            nx.zeros(3)
        ).numpy()

    a, b = draws(0), draws(1)
    assert (a == b).all() and len(np.unique(a)) == 12


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: nx.vmap(lambda a, b: a + b)(nx.ones(2), nx.ones(3)),
            nx.errors.ShapeError,
            "(2,)",
        ),
        (
            lambda: nx.vmap(lambda a: a, in_axes=1)(nx.ones(2)),
            nx.errors.ShapeError,
            "axis 1",
        ),
        *(
            (
                lambda a=a: nx.vmap(lambda v: v, out_axes=a)(nx.ones(2, 3)),
                nx.errors.ShapeError,
                f"out_axes={a} for an output of shape (3,)",
            )
            for a in (2, -3, 4)
        ),
        *(
            (
                lambda a=a, f=f: f(lambda v: v, in_axes=a)(nx.ones(2, 3)),
                nx.errors.ShapeError,
                f"axis {a} for a tensor of shape (2, 3); expected -2 to 1",
            )
            for a in (2, -3)
            for f in (nx.vmap, nx.map)
        ),
        *(
            (
                lambda a=a: nx.vmap(lambda v: v, out_axes=a),
                nx.errors.InvalidArgumentError,
                f"out_axes={a}",
            )
            for a in (True, 1.0, None)
        ),
        (
            lambda: nx.concat([nx.ones(2)], 3),
            nx.errors.InvalidArgumentError,
            "axis 3",
        ),
        (
            lambda: nx.map(lambda a: a, reduce="max")(nx.ones(2)),
            nx.errors.InvalidArgumentError,
            "reduce",
        ),
        (
            lambda: nx.scan(lambda c, x: (nx.ones(2), x), nx.zeros(3), nx.ones(4)),
            nx.errors.ShapeError,
            "carry",
        ),
        (
            lambda: nx.scan(lambda c, x: c, nx.zeros(3), nx.ones(4)),
            nx.errors.InvalidArgumentError,
            "(carry, y)",
        ),
        (lambda: nx.grad(lambda x: x)(nx.ones(2)), nx.errors.ShapeError, "scalar"),
        (
            lambda: nx.grad(lambda x: x)(nx.tensor(2)),
            nx.errors.NotDifferentiableError,
            "int32",
        ),
        (lambda: nx.ones(2, 3) @ nx.ones(2, 3), nx.errors.ShapeError, "(2, 3)"),
        (lambda: nx.ones(2) + nx.ones(3), nx.errors.ShapeError, "(3,)"),
        (lambda: nx.ones(2, 3).sum(axis=2), nx.errors.InvalidArgumentError, "axis 2"),
        (lambda: nx.tensor([[1], [1, 2]]), nx.errors.ShapeError, "ragged"),
        (lambda: nx.tensor("x"), nx.errors.DtypeError, "numbers"),
        (lambda: nx.ones(2, 3).reshape(4), nx.errors.ShapeError, "6 elements"),
        (lambda: nx.ones(3)[5], nx.errors.InvalidArgumentError, "out of range"),
        (lambda: nx.zeros(-1), nx.errors.InvalidArgumentError, "-1"),
        (lambda: bool(nx.ones(2)), nx.errors.InvalidArgumentError, "ambiguous"),
    ],
)
def test_bad_input_is_named(device: str, call: Any, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_detach_and_no_grad_hold_within_captures(device: str) -> None:
    x = nx.tensor([3.0])

    def blocked(x: Any) -> Any:
        with nx.no_grad():
            y = x * 2
        return (x * y).sum()

    for f, expected in (
        (lambda x: (x * x.detach()).sum(), 3.0),
        (lambda x: (x * nx.stop_gradient(x)).sum(), 3.0),
        (blocked, 6.0),
    ):
        for g in (f, nx.compile(f), lambda x, f=f: nx.map(f)(x.reshape(1, 1)).sum()):
            assert nx.grad(g)(x).tolist() == [expected]
    with nx.no_grad():
        y = nx.compile(lambda x: nx.tanh(x) * x)(x)
    assert not y.requires_grad
    inner = nx.compile(lambda x: nx.grad(lambda x: (x**3).sum())(x).sum())
    with nx.no_grad():
        assert inner(x).item() == 27.0
    assert nx.grad(inner)(x).tolist() == [18.0]


def test_a_tangent_is_differentiable_by_its_direction(device: str) -> None:
    x, t = nx.tensor(2.0), nx.tensor(5.0)

    def along(t: Any) -> Any:
        return nx.jvp(lambda x: x**3, (nx.constant(x),), (t,))[1]

    def both(t: Any) -> Any:
        return nx.jvp(lambda x: x**3, (2 * t,), (t,))[1]

    for f in (along, nx.compile(along)):
        assert nx.grad(f)(t).item() == 12.0
        assert nx.grad(lambda t, f=f: f(t) ** 2)(t).item() == 2 * 12.0 * 60.0
    for f in (both, nx.compile(both)):  # 12 t³
        assert nx.grad(f)(t).item() == 36.0 * 25.0


def test_no_grad_holds_for_every_derivative_within_captures(device: str) -> None:
    def cubed(x: Any) -> Any:
        return x**3

    def one() -> Any:
        return nx.ones(())

    derivatives = {
        "value_and_grad": lambda x: nx.value_and_grad(cubed)(x),
        "grad": lambda x: (nx.grad(cubed)(x),),
        "vjp": lambda x: (nx.vjp(cubed, x)[0], *nx.vjp(cubed, x)[1](one())),
        "jvp": lambda x: nx.jvp(cubed, (x,), (one(),)),
        "jacobian": lambda x: (nx.jacobian(cubed)(x),),
        "hvp": lambda x: nx.hvp(cubed, (x,), (one(),)),
        "hvp forward": lambda x: nx.hvp(
            cubed, (x,), (one(),), forward_over_reverse=True
        ),
    }
    x = nx.tensor(2.0)
    for name, derivative in derivatives.items():

        def stopped(x: Any, derivative: Any = derivative) -> Any:
            with nx.no_grad():
                found = derivative(x)
            return sum(found) * x

        expected = sum(y.item() for y in derivative(x))
        for f in (stopped, nx.compile(stopped)):
            assert nx.grad(f)(x).item() == expected, name
