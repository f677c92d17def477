"""A function against NumPy's, with its first and second derivatives, on this device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

import neurenix as nx

from ..dtypes import float64
from ..tensor import Tensor, tensor
from .checks import numeric_gradient, relative_error

Make = Callable[[np.random.Generator, tuple[int, ...]], Any]


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.normal(0, 1, shape)


def check_function(
    function: Callable[..., Tensor],
    expected: Callable[..., Any] | None,
    shapes: Sequence[tuple[int, ...]],
    make: Make = _normal,
    *,
    orders: int = 2,
    bound: float = 1e-6,
) -> None:
    """Values in float64 against `expected`, if given; derivatives along random
    directions against differences, to the second order unless `orders` says less; and
    `vmap` against a loop."""
    rng = np.random.default_rng(len(shapes))
    arrays = [np.asarray(make(rng, s), np.float64) for s in shapes]
    inputs = [_wide(a) for a in arrays]
    output = function(*inputs)
    if expected is not None:
        error = relative_error(output.numpy(), expected(*arrays))
        assert error <= 1e-11, f"relative error {error:.3g} against NumPy"
    _check_batch(function, arrays, rng)
    weights = _wide(rng.normal(0, 1, output.shape))
    numbers = tuple(range(len(shapes)))

    def loss(*xs: Tensor) -> Tensor:
        y = function(*xs)
        return (y * weights + y * y * 0.25).sum()

    stage: Callable[..., Tensor] = loss
    for order in range(orders):
        directions = [rng.normal(0, 1, s) for s in shapes]
        along = _derivative(stage, numbers, [_wide(d) for d in directions])
        found = float(along(*inputs))
        difference = numeric_gradient(_on_arrays(stage), arrays, directions, 1e-4)
        assert abs(found - difference) <= bound * max(1, abs(difference)), (
            f"derivative {order + 1}: {found}, by differences {difference}"
        )
        stage = along


def _wide(array: Any) -> Tensor:
    return tensor(array, dtype=float64)


def _on_arrays(f: Callable[..., Tensor]) -> Callable[[list[Any]], float]:
    return lambda xs: float(f(*[_wide(x) for x in xs]))


def _derivative(
    f: Callable[..., Tensor], numbers: tuple[int, ...], directions: Sequence[Tensor]
) -> Callable[..., Tensor]:
    def along(*xs: Tensor) -> Tensor:
        gradient = nx.grad(f, numbers)(*xs)
        terms = [(g * d).sum() for g, d in zip(gradient, directions, strict=True)]
        return reduce(Tensor.__add__, terms)

    return along


def _check_batch(
    function: Callable[..., Tensor], arrays: Sequence[Any], rng: np.random.Generator
) -> None:
    rows = [[a * s for a in arrays] for s in (1.0, 0.75, 1.25)]
    stacked = [_wide(np.stack(column)) for column in zip(*rows)]
    found = nx.vmap(function)(*stacked)
    looped = [function(*[_wide(a) for a in row]).numpy() for row in rows]
    error = relative_error(found.numpy(), np.stack(looped))
    assert error <= 1e-11, f"vmap and a loop differ by {error:.3g}"
