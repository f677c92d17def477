"""The functions of the WGSL library over the whole range of float32, and of float16."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx

pytestmark = pytest.mark.usefixtures("webgpu")

Array = np.ndarray[Any, Any]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3.4e38, 1.2e-38]


def sweep(low: float, high: float) -> Array:
    """Numbers of both signs whose exponents are spread evenly, and special ones."""
    size = np.exp(np.linspace(math.log(low), math.log(high), 4000))
    return np.concatenate([size, -size, SPECIAL]).astype(np.float32)


def compare(found: Array, expected: Array, bound: float) -> None:
    """Relative to the result; what is below the smallest normal number may be 0."""
    with np.errstate(all="ignore"):
        narrow = expected.astype(np.float32)
        both = np.isnan(found) & np.isnan(narrow)
        small = (np.abs(expected) < 1.2e-38) & (np.abs(found) < 1.2e-38)
        near = np.abs(found - expected) <= bound * np.abs(expected)
    right = both | small | near | (found == narrow)
    wrong = np.flatnonzero(~right)
    assert not wrong.size, (wrong[:5], found[wrong[:5]], expected[wrong[:5]])
    zero = (expected == 0) & (found == 0)
    np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(expected[zero]))


ONE = [
    ("tanh", np.tanh, sweep(1e-30, 1e30), 1e-6),
    ("log1p", np.log1p, sweep(1e-30, 3e38), 1e-6),
    ("atan", np.arctan, sweep(1e-30, 1e30), 1e-6),
    ("exp", np.exp, sweep(1e-30, 1e30), 1e-6),
    ("log", np.log, sweep(1e-38, 3e38), 1e-6),
    ("sqrt", np.sqrt, sweep(1e-38, 3e38), 1e-6),
]


@pytest.mark.parametrize(("name", "exact", "x", "bound"), ONE)
def test_function(
    name: str, exact: Callable[[Array], Array], x: Array, bound: float
) -> None:
    with np.errstate(all="ignore"):
        expected = exact(x.astype(np.float64))
    compare(getattr(nx, name)(nx.tensor(x)).numpy(), expected, bound)


def test_erf() -> None:
    x = sweep(1e-30, 1e30)
    expected = np.array([math.erf(v) for v in x.astype(np.float64)])
    compare(nx.erf(nx.tensor(x)).numpy(), expected, 1e-6)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_of_any_size(name: str) -> None:
    """An error relative to 1: near a zero nothing better is asked for."""
    x = sweep(1e-30, 3.4e38)[:8000]
    found = getattr(nx, name)(nx.tensor(x)).numpy()
    expected = np.array([getattr(math, name)(v) for v in x.astype(np.float64)])
    assert np.abs(found - expected).max() < 4e-7


def test_tan() -> None:
    x = np.linspace(-70, 70, 9001).astype(np.float32)
    expected = np.tan(x.astype(np.float64))
    found = nx.tan(nx.tensor(x)).numpy()
    assert (np.abs(found - expected) / np.maximum(1, np.abs(expected))).max() < 4e-6


def test_atan2_in_every_quadrant_and_at_its_edges() -> None:
    values = np.array([*SPECIAL, 1.0, -1.0, 2.0, -3.0, 1e-20, -1e30], np.float32)
    y, x = (v.ravel() for v in np.meshgrid(values, values))
    expected = np.arctan2(y.astype(np.float64), x.astype(np.float64))
    compare(nx.atan2(nx.tensor(y), nx.tensor(x)).numpy(), expected, 1e-6)


@pytest.mark.parametrize("exponent", [-3, -1, 0, 1, 2, 7])
def test_whole_powers(exponent: int) -> None:
    x = np.linspace(-3, 3, 101).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = x.astype(np.float64) ** exponent
    compare((nx.tensor(x) ** exponent).numpy(), expected, 2e-6)


def test_every_half_comes_back() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    wide = nx.tensor(halves, dtype=nx.float16).to(nx.float32).numpy()
    np.testing.assert_array_equal(wide, halves.astype(np.float32))
    back = nx.tensor(wide).to(nx.float16).numpy()
    np.testing.assert_array_equal(back, halves)


def test_floats_round_to_the_nearest_half() -> None:
    x = sweep(1e-9, 1e6)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16)
    found = nx.tensor(x).to(nx.float16).numpy()
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_a_sum_of_halves_is_exact_until_it_is_stored() -> None:
    x = np.full(3000, 1.0, np.float16)
    assert nx.tensor(x, dtype=nx.float16).sum().item() == 3000.0


def test_products_and_chains_of_halves_are_computed_in_float32() -> None:
    generator = np.random.default_rng(3)
    a, b = (
        generator.standard_normal(s).astype(np.float16) for s in ((70, 90), (90, 66))
    )
    x, y = (nx.tensor(v, dtype=nx.float16) for v in (a, b))
    wide = a.astype(np.float32) @ b.astype(np.float32)
    np.testing.assert_array_max_ulp((x @ y).numpy(), wide.astype(np.float16), 1)

    def chain(x: nx.Tensor) -> nx.Tensor:
        return (nx.exp(x) * 0.5 - x).sum(1) / 7.0

    half = a.astype(np.float32)
    expected = ((np.exp(half) * np.float32(0.5) - half).sum(1) / 7).astype(np.float16)
    found = nx.compile(chain)(x).numpy()
    np.testing.assert_array_max_ulp(found, expected, 1)


def test_a_gradient_of_halves() -> None:
    x = np.linspace(-2, 2, 33).astype(np.float16)
    gradient = nx.grad(lambda x: (nx.tanh(x) ** 2).sum())(
        nx.tensor(x, dtype=nx.float16)
    )
    assert gradient.dtype is nx.float16
    t = np.tanh(x.astype(np.float64))
    np.testing.assert_allclose(gradient.numpy(), 2 * t * (1 - t * t), atol=2e-3)
