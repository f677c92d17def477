"""Every composition of grad, vmap, jvp, compile and remat to depth three, on ten
functions, in float64.

A composition must give what plain evaluation gives: vmap as a Python loop, compile and
remat as nothing, derivatives along a direction by the eager tape alone, to 1e-8. That
reference is itself held to central differences of the order below, to 1e-5.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import InvalidArgumentError
from neurenix.nn import functional
from neurenix.program.to_json import from_json, to_json

Function = Callable[[Any], Any]


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def t(x: Any) -> nx.Tensor:
    return nx.tensor(x, dtype=nx.float64)


def fixed(*shape: int, seed: int = 0) -> nx.Tensor:
    return nx.constant(t(values(*shape, seed=seed)))


# ---- the functions: from a tree of tensors to a scalar -------------------------------


def mlp(x: Any) -> Any:
    hidden = nx.tanh(fixed(4, 3) @ x + 0.1)
    return functional.cross_entropy(
        (fixed(3, 4, seed=1) @ hidden)[None], nx.tensor([2])
    )


def convolution(x: Any) -> Any:
    y = functional.conv2d(x, fixed(2, 1, 2, 2), padding=1)
    return (functional.relu(functional.batch_norm(y)[0]) ** 2 * 0.3).mean()


def gather(x: Any) -> Any:
    picked = x[nx.tensor([0, 2, 2, 1])]
    return (nx.sin(picked) * nx.take(x, nx.tensor([3, 0, 3, 1]))).sum()


def attention(x: Any) -> Any:
    y = functional.scaled_dot_product_attention(x, x @ fixed(2, 2), x, causal=True)
    return (y * y * x).sum()


def scan(x: Any) -> Any:
    def step(c: Any, x: Any) -> Any:
        c = nx.tanh(c * x + 0.2)
        return c, c * x

    last, ys = nx.scan(step, x[0], x)
    return (ys * ys).sum() + last.sum()


def solve(x: Any) -> Any:
    """(4 I + x xᵀ / 4) y = x by steps of Jacobi's method."""

    def step(y: Any, _: Any) -> Any:
        return (x - x * ((x * y).sum() * 0.25)) * 0.25, None

    y, _ = nx.scan(step, x * 0.0, length=6)
    return (nx.sin(y) * x).sum()


def max_pool(x: Any) -> Any:
    return (functional.max_pool2d(x, 2, 1) ** 3).mean()


def closure(x: Any) -> Any:
    scale, other = 0.7, fixed(3)
    inner = nx.grad(lambda y: (nx.sin(y * x) * other).sum() * scale)
    rows = nx.vmap(lambda c: (nx.tanh(x * c) * x).sum())(other)
    return (inner(x * x) * x).sum() + rows.sum()


def tree(p: Any) -> Any:
    a, (b, c) = p["a"], p["rest"]
    return (nx.exp(a * 0.3) * b).sum() / (c * c + 1.0)


NETWORK = nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.LayerNorm(3), nn.Linear(3, 1))
NETWORK.to(nx.float64)


def module(params: Any) -> Any:
    y, _ = nn.functional_call(NETWORK, params, fixed(4, 2))
    return (y * y).mean()


FUNCTIONS: dict[str, tuple[Function, Any]] = {
    "mlp": (mlp, values(3)),
    "convolution": (convolution, values(2, 1, 3, 3)),
    "gather": (gather, values(4)),
    "attention": (attention, values(3, 2)),
    "scan": (scan, values(3, 2)),
    "solve": (solve, values(3)),
    "max_pool": (max_pool, values(1, 1, 3, 3)),
    "closure": (closure, values(3, seed=5)),
    "tree": (tree, {"a": values(3), "rest": (values(3, seed=1), np.float64(0.4))}),
    "module": (
        module,
        {
            name: values(*p.shape, seed=i) * 0.6
            for i, (name, p) in enumerate(NETWORK.named_parameters())
        },
    ),
}


# ---- the transforms: from such a function to another ---------------------------------


def direction(x: Any, seed: int) -> Any:
    return nx.tree.map_leaves(lambda a: fixed(*a.shape, seed=seed), x)


def inner_product(a: Any, b: Any) -> Any:
    terms = nx.tree.map_leaves(lambda x, y: (x * y).sum(), a, b)
    return sum(nx.tree.flatten(terms)[0])


def second_example(x: Any) -> Any:
    return nx.tree.map_leaves(lambda a: a * 0.8 + 0.05, x)


def by_grad(f: Function) -> Function:
    return lambda x: inner_product(nx.grad(f)(x), direction(x, 7))


def by_jvp(f: Function) -> Function:
    return lambda x: nx.jvp(f, (x,), (direction(x, 8),))[1]


def by_vmap(f: Function) -> Function:
    def mapped(x: Any) -> Any:
        both = nx.tree.map_leaves(lambda a, b: nx.stack([a, b]), x, second_example(x))
        y = nx.vmap(f)(both)
        return y[0] + y[1] * 0.5

    return mapped


TRANSFORMS: dict[str, Callable[[Function], Function]] = {
    "grad": by_grad,
    "vmap": by_vmap,
    "jvp": by_jvp,
    "compile": nx.compile,
    "remat": nx.remat,
}
PLAIN: dict[str, Callable[[Function], Function]] = {
    "grad": by_grad,
    "jvp": lambda f: lambda x: inner_product(nx.grad(f)(x), direction(x, 8)),
    "vmap": lambda f: lambda x: f(x) + f(second_example(x)) * 0.5,
}
COMPOSITIONS = [c for depth in (1, 2, 3) for c in product(TRANSFORMS, repeat=depth)]


def composed(name: str, chain: tuple[str, ...], table: Any) -> Function:
    f = FUNCTIONS[name][0]
    for transform in reversed(chain):
        f = table[transform](f)
    return f


def point(name: str, step: float = 0.0, seed: int = 7) -> Any:
    return nx.tree.map_leaves(
        lambda a: t(a + step * values(*a.shape, seed=seed)), FUNCTIONS[name][1]
    )


@cache
def plain(name: str, chain: tuple[str, ...]) -> float:
    return float(composed(name, chain, PLAIN)(point(name)))


@pytest.mark.parametrize("chain", COMPOSITIONS, ids="-".join)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_composition(name: str, chain: tuple[str, ...]) -> None:
    expected = plain(name, tuple(c for c in chain if c in PLAIN))
    found = float(composed(name, chain, TRANSFORMS)(point(name)))
    assert abs(found - expected) <= 1e-8 * max(1.0, abs(expected))


@pytest.mark.parametrize("chain", [(), ("grad", "remat", "grad")], ids="-".join)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_program_survives_json(name: str, chain: tuple[str, ...]) -> None:
    program = nx.capture(composed(name, chain, TRANSFORMS), point(name))
    again = from_json(json.loads(json.dumps(to_json(program))))
    assert str(again) == str(program)
    marks = [
        [i.params.get("remat") for r in (*p.regions(), p) for i in r.instructions]
        for p in (program, again)
    ]
    assert marks[0] == marks[1] and any(marks[0]) == bool(chain)
    arrays = [x.numpy() for x in nx.tree.flatten(point(name))[0]]
    expected, found = program.evaluate(arrays), again.evaluate(arrays)
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))


def test_a_derivative_of_ones_own_is_no_json() -> None:
    @nx.custom_vjp
    def clipped(x: Any) -> Any:
        return x

    clipped.defvjp(lambda x: (x, None), lambda _, g: (nx.clip(g, -1.0, 1.0),))
    for f in (clipped, nx.vmap(clipped)):
        program = nx.capture(lambda x, f=f: nx.remat(f)(x) * 2, nx.zeros(3))
        with pytest.raises(InvalidArgumentError, match="calls clipped, whose"):
            to_json(program)
    derivative = nx.capture(nx.grad(lambda x: (clipped(x) * 5).sum()), nx.ones(2))
    again = from_json(to_json(derivative))
    assert again.evaluate([np.ones(2, np.float32)])[0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_reference_by_differences(name: str, order: int) -> None:
    below = composed(name, ("grad",) * (order - 1), PLAIN)
    h = 1e-4
    at = lambda k: float(below(point(name, k * h)))  # noqa: E731
    expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
    found = plain(name, ("grad",) * order)
    assert abs(found - expected) <= 1e-5 * max(1.0, abs(expected))
