"""Random numbers in a compiled function that another program calls: captured once, and
drawn anew at each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.random import default_generator

CALLS, SIZE = 3, 32


def distinct(rows: Any) -> int:
    return len(np.unique(np.asarray(rows).reshape(-1, SIZE), axis=0))


def dropout() -> tuple[Callable[..., Any], list[Any]]:
    layer = nn.Dropout(0.5)
    return (lambda x: layer(x)), [layer]


def default_stream() -> tuple[Callable[..., Any], list[Any]]:
    return (lambda x: x + nx.rand(SIZE)), [default_generator]


def own_generator() -> tuple[Callable[..., Any], list[Any]]:
    generator = nx.Generator(3)
    return (lambda x: x * nx.normal((SIZE,), generator=generator)), [generator]


def remat() -> tuple[Callable[..., Any], list[Any]]:
    f, state = dropout()
    return nx.remat(f), state


def two_levels() -> tuple[Callable[..., Any], list[Any]]:
    f, state = dropout()
    inner = nx.compile(f)
    return (lambda x: inner(inner(x) + 1.0)), state


SOURCES = [dropout, default_stream, own_generator, remat, two_levels]


def calls(block: Any, x: Any) -> Any:
    return nx.stack([block(x) for _ in range(CALLS)])


def in_a_map(block: Any, x: Any) -> Any:
    return nx.map(lambda row: calls(block, row))(nx.stack([x] * 3))


def in_a_vmap(block: Any, x: Any) -> Any:
    return nx.vmap(lambda row: calls(block, row))(nx.stack([x] * 3))


def in_a_scan(block: Any, x: Any) -> Any:
    return nx.scan(lambda c, _: (c, calls(block, x)), nx.zeros(1), length=3)[1]


def in_a_block(block: Any, x: Any) -> Any:
    outer = nx.compile(lambda x: calls(block, x))
    return nx.stack([outer(x) for _ in range(3)])


def in_remat(block: Any, x: Any) -> Any:
    outer = nx.remat(lambda x: calls(block, x))
    return nx.stack([outer(x) for _ in range(3)])


PLACES = [calls, in_a_map, in_a_vmap, in_a_scan, in_a_block, in_remat]


@pytest.mark.parametrize(
    ("source", "place"),
    [(dropout, p) for p in PLACES] + [(s, calls) for s in SOURCES[1:]],
    ids=lambda f: f.__name__,
)
def test_each_call_draws_anew(device: str, source: Any, place: Any) -> None:
    f, state = source()
    x = nx.ones(SIZE)
    rows = CALLS if place is calls else 3 * CALLS

    def made() -> Any:
        block = nx.compile(f)
        return nx.compile(lambda x: place(block, x), state=state)

    def run(program: Any) -> list[np.ndarray]:
        nx.manual_seed(5)
        for s in state:
            for generator in getattr(s, "generators", lambda s=s: [s])():
                generator.manual_seed(7)
        return [program(x).numpy().copy() for _ in range(2)]

    program = made()
    first, second = run(program)
    assert distinct([first, second]) == 2 * rows
    again, other = run(program), run(made())
    for found in (again, other):  # same seed, same program: same bits
        assert np.array_equal(found[0], first) and np.array_equal(found[1], second)


@pytest.mark.parametrize("wrap", [lambda f: f, nx.remat], ids=["plain", "remat"])
@pytest.mark.parametrize("place", PLACES, ids=lambda f: f.__name__)
def test_derivatives_see_the_masks_of_their_call(
    device: str, place: Any, wrap: Any
) -> None:
    """Of y = mask · w the derivative is the mask; of y², to second order, 2 · mask²."""
    layer = nn.Dropout(0.5)
    block = nx.compile(wrap(lambda w: layer(w)))

    def both(w: Any) -> Any:
        y, pull = nx.vjp(lambda w: place(block, w).reshape(-1, SIZE), w)
        columns = [
            pull(nx.one_hot(nx.full((SIZE,), i, dtype=nx.int32), len(y)).transpose())
            for i in range(len(y))
        ]
        return y, nx.stack([c[0] if isinstance(c, tuple) else c for c in columns])

    y, gradient = nx.compile(both, state=[layer])(nx.ones(SIZE))
    assert np.array_equal(y.numpy(), gradient.numpy())
    assert distinct(y.numpy()) == len(y) and set(np.unique(y.numpy())) == {0.0, 2.0}

    def second(w: Any) -> Any:
        slope = nx.grad(lambda w: (place(block, w) ** 2).sum())
        y = place(block, w)
        return y, slope(w), nx.grad(lambda w: slope(w).sum())(w)

    _, first_order, second_order = nx.compile(second, state=[layer])(nx.ones(SIZE))
    # at w = 1 each is 2 · Σ mask², whose draws are its own: multiples of 8
    for found in (first_order.numpy(), second_order.numpy()):
        assert not (found % 8).any() and len(np.unique(found)) > 2


def test_a_body_is_captured_once_however_often_it_draws(device: str) -> None:
    captured = []
    layer = nn.Dropout(0.5)

    def f(x: Any) -> Any:
        captured.append(1)
        return layer(x)

    block = nx.compile(f)
    nx.compile(lambda x: calls(block, x), state=[layer])(nx.ones(SIZE))
    assert len(captured) == 1


def test_what_draws_nothing_keeps_its_operands(device: str) -> None:
    block = nx.compile(lambda x: nx.sin(x))
    program = nx.capture(lambda x: block(x) + block(x * 2), nx.ones(2))
    inner = [i for i in program.instructions if i.primitive.name == "call"]
    assert len(inner) == 2 and all(len(i.inputs) == 1 for i in inner)
