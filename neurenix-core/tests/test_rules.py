"""vjp, jacobian, hvp, remat, custom_vjp: against loops, formulas and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import (
    InvalidArgumentError,
    NotDifferentiableError,
    ShapeError,
)
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.transforms import capture_flat

pytestmark = pytest.mark.usefixtures("device")


def t(x: Any) -> nx.Tensor:
    return nx.tensor(x, dtype=nx.float64)


def rows(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


# ---- jacobian, hvp, vjp --------------------------------------------------------------


def test_jacobian_of_trees() -> None:
    w, x = rows(4, 3), rows(3, seed=1)

    def f(w: Any, p: Any) -> Any:
        return {"y": nx.tanh(w @ p["x"]), "s": (p["x"] ** 2).sum()}

    dw, dp = zip(*nx.jacobian(f, (0, 1))(t(w), {"x": t(x)}).values(), strict=True)
    slope = 1 - np.tanh(w @ x) ** 2
    assert np.allclose(dp[0]["x"].numpy(), 2 * x) and not dw[0].numpy().any()
    assert np.allclose(dp[1]["x"].numpy(), slope[:, None] * w, rtol=1e-13)
    expected = np.einsum("i,ij,k->ijk", slope, np.eye(4), x)
    assert np.allclose(dw[1].numpy(), expected, rtol=1e-13)
    one = nx.jacobian(lambda x: nx.sin(x))(t(x))
    assert np.allclose(one.numpy(), np.diag(np.cos(x))) and not one.requires_grad


def test_hessians_three_ways() -> None:
    w, x, v = t(rows(4, 3)), t(rows(3, seed=1)), t(rows(3, seed=2))

    def f(x: Any) -> Any:
        return (nx.tanh(w @ x) ** 2).sum() + (x**3).sum()

    def closed(x: Any) -> Any:
        return (nx.tanh(nx.constant(w) @ x) ** 2).sum() + (x**3).sum()

    hessian = nx.jacobian(nx.grad(f))(x)
    (product,) = nx.hvp(f, (x,), (v,))
    forward = nx.jvp(nx.grad(f), (x,), (v,))[1]
    compiled = nx.compile(lambda x, v: nx.hvp(closed, (x,), (v,))[0])
    for found in (product, forward, compiled(x, v)):
        assert np.allclose(found.numpy(), (hessian @ v).numpy(), rtol=1e-10)
    batched = nx.vmap(lambda v: nx.hvp(f, (x,), (v,))[0])(t(np.eye(3)))
    assert np.allclose(batched.numpy(), hessian.numpy(), rtol=1e-10)
    assert np.allclose(hessian.numpy(), hessian.numpy().T, rtol=1e-12)


def test_vjp_works_without_the_tape_and_checks_cotangents() -> None:
    x = t([1.0, 2.0])
    with nx.no_grad():
        y, pull = nx.vjp(lambda x: x**3, x)
        (g,) = pull(t([1.0, 10.0]))
    assert g.tolist() == [3.0, 120.0]
    assert not (y.requires_grad or g.requires_grad)
    with pytest.raises(ShapeError, match=r"vjp: the cotangents .*\[3\]"):
        pull(t([1.0, 1.0, 1.0]))
    with pytest.raises(ShapeError, match="hvp: tangents"):
        nx.hvp(lambda x: x.sum(), (x,), (t(1.0),))
    second = nx.grad(lambda x: nx.vjp(lambda x: x**3, x)[1](x)[0].sum())(x)
    assert second.tolist() == [9.0, 36.0]  # of 3x²·x
    assert nx.grad(lambda x: (nx.stop_gradient(x) * x).sum())(x).tolist() == [1.0, 2.0]


# ---- remat ---------------------------------------------------------------------------


def block(w: Any, x: Any) -> Any:
    for _ in range(4):
        x = nx.tanh(nx.sin(x @ w) + x)
    return x


def blocks(wrap: Any) -> Any:
    def loss(w: Any, x: Any) -> Any:
        for _ in range(4):
            x = wrap(block)(w, x)
        return (x * x).sum()

    return loss


def gradient_program(wrap: Any, rows: int = 64) -> Any:
    types = [t(np.zeros((8, 8))).type, t(np.zeros((rows, 8))).type]
    program, _ = capture_flat(lambda w, x: [nx.grad(blocks(wrap))(w, x)], types)
    return program


def test_remat_keeps_inputs_only() -> None:
    kept, again = (prepare(gradient_program(w)) for w in (lambda f: f, nx.remat))
    products = [str(p).count("dot_general(") for p in (kept, again)]
    scratch = [make_plan(p).regions[-1].scratch for p in (kept, again)]
    assert str(again).count("barrier(") >= 4
    # 16 forward, 2 more for each backward; remat computes the forward ones again
    assert products[1] > products[0] and scratch[1] < 0.7 * scratch[0], scratch
    args = rows(8, 8) * 0.3, rows(64, 8, seed=1)
    for a, b in zip(kept.evaluate(args), again.evaluate(args), strict=True):
        assert np.allclose(a, b, rtol=1e-12)


def test_remat_is_the_function_to_second_order() -> None:
    w, x = t(rows(3, 3) * 0.3), t(rows(5, 3, seed=1))

    def second(loss: Any) -> Any:
        return lambda w: (nx.grad(loss)(w, x) ** 2).sum()

    plain, again = blocks(lambda f: f), blocks(nx.remat)
    assert again(w, x).item() == plain(w, x).item()
    for order in (lambda loss: lambda w: loss(w, x), second):
        expected = nx.grad(order(plain))(w).numpy()
        found = nx.grad(order(again))(w)
        assert np.allclose(found.numpy(), expected, rtol=1e-10)
    compiled = nx.compile(nx.grad(again))
    assert np.allclose(compiled(w, x).numpy(), nx.grad(plain)(w, x).numpy(), rtol=1e-10)
    over = nx.vmap(nx.grad(again, 1), in_axes=(None, 0))
    loop = nx.vmap(nx.grad(plain, 1), in_axes=(None, 0))
    assert np.allclose(over(w, x).numpy(), loop(w, x).numpy(), rtol=1e-10)


def test_remat_draws_the_same_numbers_again() -> None:
    generator = nx.Generator(3)

    def noisy(x: Any) -> Any:
        return (x * x * nx.uniform(x.shape, generator=generator).to(x.dtype)).sum()

    x = t(rows(4))
    value, g = nx.value_and_grad(nx.remat(noisy))(x)
    assert np.isclose((g * x).sum().item(), 2 * value.item(), rtol=1e-6)


# ---- custom_vjp ----------------------------------------------------------------------


def doubled() -> Any:
    """x ↦ sin(x)·y, whose derivative by x is twice what it should be."""
    f = nx.custom_vjp(lambda x, y: nx.sin(x) * y)
    return f.defvjp(
        lambda x, y: (nx.sin(x) * y, (x, y)),
        lambda kept, g: (
            g * nx.cos(kept[0]) * kept[1] * 2.0,
            (g * nx.sin(kept[0])).sum(),
        ),
    )


def test_the_given_derivative_holds_everywhere() -> None:
    f, x, y = doubled(), rows(3), 2.0
    first, by_y = 2 * np.cos(x) * y, np.sin(x)
    total = lambda x, y: f(x, y).sum()  # noqa: E731
    ways = {
        "eager": nx.grad(total, (0, 1)),
        "compiled": nx.compile(nx.grad(total, (0, 1))),
        "in compiled": nx.grad(nx.compile(total), (0, 1)),
        "remat": nx.grad(nx.remat(total), (0, 1)),
    }
    for name, way in ways.items():
        gx, gy = way(t(x), t(y))
        assert np.allclose(gx.numpy(), first, rtol=1e-12), name
        assert np.isclose(gy.item(), by_y.sum(), rtol=1e-12), name
    for over in (nx.vmap, nx.map):
        gx, gy = over(nx.grad(f, (0, 1)), in_axes=(0, None))(t(x), t(y))
        assert np.allclose(gx.numpy(), first) and np.allclose(gy.numpy(), by_y)
        gy = nx.grad(lambda y, over=over: over(f, in_axes=(0, None))(t(x), y).sum())(
            t(y)
        )
        assert np.isclose(gy.item(), by_y.sum(), rtol=1e-12)
    _, tangent = nx.jvp(lambda x: f(x, t(y)), (t(x),), (t(np.ones(3)),))
    assert np.allclose(tangent.numpy(), first)
    second = nx.grad(lambda x: nx.grad(total)(x, t(y)).sum())(t(x))
    assert np.allclose(second.numpy(), -2 * np.sin(x) * y, rtol=1e-12)
    last, _ = nx.scan(lambda c, x: (f(x, c), None), t(y), t(x))
    g = nx.grad(lambda c: nx.scan(lambda c, x: (f(x, c), None), c, t(x))[0])(t(y))
    assert np.isclose(last.item(), y * np.sin(x).prod())
    assert np.isclose(g.item(), np.sin(x).prod(), rtol=1e-12)


def test_custom_vjp_of_trees_statics_and_missing_cotangents() -> None:
    @nx.custom_vjp
    def f(p: Any, index: Any, power: Any) -> Any:
        return {"a": p["w"] ** power, "b": p["v"][index]}

    def backward(kept: Any, g: Any) -> Any:
        p, power = kept
        return {"w": g["a"] * p["w"] * power, "v": p["v"] * 0 + 7.0}, None, None

    f.defvjp(lambda p, i, n: (f.f(p, i, n), (p, n)), backward)
    p = {"w": t([2.0, 3.0]), "v": t([1.0, 1.0])}
    index = nx.tensor([0, 1])
    g = nx.grad(lambda p: f(p, index, 3)["a"].sum())(p)
    assert g["w"].tolist() == [6.0, 9.0] and g["v"].tolist() == [7.0, 7.0]


def test_custom_vjp_names_what_is_wrong() -> None:
    x, c = t([1.0, 2.0]), t([3.0, 4.0])

    def differentiate(forward: Any, backward: Any, f: Any = lambda x: x * 2) -> Any:
        def named(x: Any) -> Any:
            return f(x)

        made = nx.custom_vjp(named).defvjp(forward, backward)
        return nx.grad(lambda x: made(x).sum())(x)

    forward = lambda x: (x * 2, x)  # noqa: E731
    with pytest.raises(ShapeError, match=r"named: backward gives .*\[1\].* argument 0"):
        differentiate(forward, lambda r, g: (g[:1],))
    with pytest.raises(InvalidArgumentError, match="named: backward returns a tuple"):
        differentiate(forward, lambda r, g: g)
    with pytest.raises(InvalidArgumentError, match=r"named: .*\(outputs, residuals\)"):
        differentiate(lambda x: x, lambda r, g: (g,))
    with pytest.raises(ShapeError, match="named: forward gives"):
        differentiate(lambda x: (x.sum(), x), lambda r, g: (g,))
    with pytest.raises(InvalidArgumentError, match="call defvjp"):
        nx.grad(lambda x: nx.custom_vjp(lambda x: x)(x).sum())(x)
    with pytest.raises(InvalidArgumentError, match="custom_vjp: 3 is not callable"):
        nx.custom_vjp(3)  # type: ignore[arg-type]
    around = nx.custom_vjp(lambda x: x * c)
    with pytest.raises(NotDifferentiableError, match="closes over a tensor"):
        c = t([3.0, 4.0])

        def outer(d: Any) -> Any:
            nonlocal c
            c = d
            return around(x).sum()

        around.defvjp(lambda x: (x * c, None), lambda r, g: (g,))
        nx.grad(outer)(t([3.0, 4.0]))
