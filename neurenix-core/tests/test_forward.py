"""hvp in forward mode: against reverse mode, in float64, and what it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import ShapeError
from neurenix.nn import functional
from neurenix.passes.pipeline import prepare
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.scratch import most_scratch

RNG = np.random.default_rng(0)
W = RNG.normal(size=(4, 4))


def squared(x: nx.Tensor) -> nx.Tensor:
    @nx.custom_vjp
    def square(x: nx.Tensor) -> nx.Tensor:
        return x * x

    square.defvjp(lambda x: (x * x, x), lambda x, g: (2.0 * x * g,))
    return (square(x) * nx.sin(x)).sum()


def scanned(x: nx.Tensor) -> nx.Tensor:
    last, ys = nx.scan(lambda c, r: (nx.tanh(c * r + c), c * r), x[0], x)
    return (last * ys.sum(0)).sum()


FUNCTIONS: dict[str, Callable[[nx.Tensor], nx.Tensor]] = {
    "dense": lambda x: (nx.tanh(nx.tanh(x @ nx.constant(W)) @ x) ** 2).sum(),
    "softmax": lambda x: (functional.softmax(x, 1) * nx.cos(x)).sum(),
    "sorted": lambda x: (nx.sort(x, 1)[0] * nx.exp(x)).sum(),
    "indexed": lambda x: (nx.take(x, nx.constant(np.array([2, 0, 2]))) ** 3).sum(),
    "integers": lambda x: (nx.floor(x).to(nx.int32).to(x.dtype) * x * x).sum(),
    "linear": lambda x: x.sum(),
    "scanned": scanned,
    "mapped": lambda x: nx.map(lambda r: (r * nx.sin(r)).sum())(x).sum(),
    "compiled": lambda x: nx.compile(lambda x: (x * nx.exp(x)).sum())(x),
    "remat": lambda x: nx.remat(lambda x: (x * nx.exp(x)).sum())(x),
    "custom": squared,
    "stopped": lambda x: (nx.stop_gradient(x) * x * x).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("compiled", [False, True])
def test_it_is_reverse_over_reverse(device: str, name: str, compiled: bool) -> None:
    f = FUNCTIONS[name]
    x, v = (nx.tensor(RNG.normal(size=(4, 4)), dtype=nx.float64) for _ in range(2))

    def product(x: nx.Tensor, v: nx.Tensor, forward: bool) -> nx.Tensor:
        found: nx.Tensor = nx.hvp(f, (x,), (v,), forward_over_reverse=forward)[0]
        return found

    run = nx.compile(product) if compiled else product
    wanted, found = run(x, v, False).numpy(), run(x, v, True).numpy()
    assert np.allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert np.any(wanted != 0) == (name != "linear")


def test_trees_and_tensors_from_outside(device: str) -> None:
    scale = nx.tensor([2.0, 3.0], dtype=nx.float64)
    p = {"a": nx.tensor([1.0, 2.0], dtype=nx.float64), "b": scale * 2}
    t = {"a": nx.ones(2, dtype=nx.float64), "b": scale}

    def f(p: dict[str, nx.Tensor], y: nx.Tensor) -> nx.Tensor:
        return (p["a"] ** 2 * p["b"] * scale * y).sum()

    y = nx.tensor([1.0, -1.0], dtype=nx.float64)
    given = (f, (p, y), (t, y))
    wanted, found = nx.hvp(*given), nx.hvp(*given, forward_over_reverse=True)
    for a, b in ((wanted[0]["a"], found[0]["a"]), (wanted[0]["b"], found[0]["b"])):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-13)
    assert np.allclose(wanted[1].numpy(), found[1].numpy(), rtol=1e-13)


def test_it_can_be_differentiated_again(device: str) -> None:
    x, v = (nx.tensor(RNG.normal(size=(4, 4)), dtype=nx.float64) for _ in range(2))

    def third(forward: bool) -> np.ndarray:
        def along(x: nx.Tensor) -> nx.Tensor:
            f = FUNCTIONS["dense"]
            return nx.hvp(f, (x,), (v,), forward_over_reverse=forward)[0].sum()

        return nx.grad(along)(x).numpy()

    assert np.allclose(third(True), third(False), rtol=1e-12)


def test_tangents_must_match(device: str) -> None:
    with pytest.raises(ShapeError, match="do not match the primals"):
        nx.hvp(
            lambda x: x.sum(), (nx.ones(2),), (nx.ones(3),), forward_over_reverse=True
        )


def test_it_takes_less_for_a_deep_network(device: str) -> None:
    """Reverse over reverse keeps the values of both passes until the second is over."""

    def taken(forward: bool) -> int:
        def loss(w: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
            for _ in range(8):
                x = nx.tanh(x @ w)
            return (x * x).sum()

        def product(w: nx.Tensor, v: nx.Tensor, x: nx.Tensor) -> nx.Tensor:
            def of_w(w: nx.Tensor) -> nx.Tensor:
                return loss(w, x)

            found: nx.Tensor = nx.hvp(of_w, (w,), (v,), forward_over_reverse=forward)[0]
            return found

        w = nx.ones(16, 16)
        program = prepare(nx.capture(product, w, w, nx.ones(4096, 16)))
        return most_scratch(make_plan(program))

    assert taken(True) < 0.95 * taken(False)
