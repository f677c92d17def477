"""Solving and factoring, against NumPy and to the second derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.testing.derivatives import check_function


def definite(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    a = rng.normal(0, 1, shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def pivoting(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Far from singular, and from a tie between pivots; the pivots lie off the
    diagonal. What is not square is drawn as it comes."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return rng.normal(0, 1, shape)
    heavy = rng.normal(0, 1, shape) + 2 * shape[-1] * np.eye(shape[-1])
    return np.flip(heavy, -2)


SQUARES = ((1, 1), (4, 4), (2, 3, 3), (2, 1, 3, 3))


@pytest.mark.parametrize("shape", SQUARES)
def test_factors(device: str, shape: tuple[int, ...]) -> None:
    check_function(nx.cholesky, np.linalg.cholesky, (shape,), definite)
    check_function(nx.inv, np.linalg.inv, (shape,), pivoting)
    check_function(nx.det, np.linalg.det, (shape,), pivoting)
    check_function(
        lambda a: nx.slogdet(a)[1],
        lambda a: np.linalg.slogdet(a)[1],
        (shape,),
        pivoting,
    )


@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (2, 3, 2)),
        ((3, 3), (2, 3, 2)),
        ((2, 1, 3, 3), (4, 3, 1)),
        ((2, 3, 3), (3,)),
    ],
)
def test_solve(device: str, shapes: Any) -> None:
    check_function(nx.solve, np.linalg.solve, shapes, pivoting)


@pytest.mark.parametrize("is_lower", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("unit", [True, False])
def test_triangular_solve(
    device: str, is_lower: bool, transpose: bool, unit: bool
) -> None:
    def expected(a: Any, b: Any) -> Any:
        triangle = np.tril(a) if is_lower else np.triu(a)
        if unit:
            triangle = triangle - triangle * np.eye(3) + np.eye(3)
        turned = np.swapaxes(triangle, -1, -2) if transpose else triangle
        return np.linalg.solve(turned, b)

    check_function(
        lambda a, b: nx.triangular_solve(
            a, b, lower=is_lower, transpose=transpose, unit_diagonal=unit
        ),
        expected,
        ((2, 3, 3), (3, 4)),
        lambda rng, shape: rng.normal(0, 0.3, shape) + 2 * np.eye(*shape[-2:]),
    )


def test_sign_of_determinants(device: str) -> None:
    a = np.random.default_rng(0).normal(0, 1, (50, 5, 5))
    signs, logarithms = nx.slogdet(nx.tensor(a, dtype="float64"))
    expected = np.linalg.slogdet(a)
    assert np.array_equal(signs.numpy(), expected.sign)
    assert np.allclose(logarithms.numpy(), expected.logabsdet)
    assert nx.det(nx.tensor(a, dtype="float64")[::2]).shape == (25,)


def test_what_has_no_factor(device: str) -> None:
    indefinite = np.stack([np.eye(3), -np.eye(3), np.full((3, 3), np.nan)])
    factors = nx.cholesky(nx.tensor(indefinite)).numpy()
    assert np.array_equal(factors[0], np.eye(3)) and np.isnan(factors[1:]).all()
    singular = nx.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert nx.det(singular).item() == 0
    sign, logarithm = nx.slogdet(singular)
    assert sign.item() == 0 and logarithm.item() == -np.inf
    assert not nx.isfinite(nx.solve(singular, [1.0, 1.0])).any()


def test_cholesky_reads_the_lower_triangle_alone(device: str) -> None:
    a = definite(np.random.default_rng(0), (4, 4))
    spoilt = np.tril(a) + np.triu(np.full((4, 4), np.nan), 1)
    found = nx.cholesky(nx.tensor(spoilt, dtype="float64"))
    assert np.allclose(found.numpy(), np.linalg.cholesky(a))


def test_empty_matrices(device: str) -> None:
    assert nx.det(nx.ones(2, 0, 0)).tolist() == [1, 1]
    assert nx.inv(nx.ones(0, 3, 3)).shape == (0, 3, 3)
    assert nx.solve(nx.ones(0, 0), nx.ones(0, 2)).shape == (0, 2)


def test_large_matrices_in_float32(device: str) -> None:
    a = pivoting(np.random.default_rng(0), (150, 150))
    b = np.random.default_rng(1).normal(0, 1, (150, 130))
    found = nx.solve(nx.tensor(a), nx.tensor(b)).numpy()
    assert np.abs(found - np.linalg.solve(a, b)).max() < 1e-5


def test_within_a_program(device: str) -> None:
    """A step of ridge regression over a batch of tasks, and its derivative."""
    rng = np.random.default_rng(0)
    x, y = nx.tensor(rng.normal(0, 1, (5, 8, 3))), nx.tensor(rng.normal(0, 1, (5, 8)))

    def loss(scale: Any, x: Any, y: Any) -> Any:
        gram = x.T @ x + nx.exp(scale) * nx.eye(3)
        w = nx.solve(gram, x.T @ y)
        return ((x @ w - y) ** 2).mean() + nx.slogdet(gram)[1]

    def whole(scale: Any, x: Any, y: Any) -> Any:
        return nx.map(lambda x, y: loss(scale, x, y), reduce="mean")(x, y)

    scale = nx.tensor(0.3)
    plain = sum(float(loss(scale, x[i], y[i])) for i in range(5)) / 5
    value, slope = nx.compile(nx.value_and_grad(whole))(scale, x, y)
    assert value.item() == pytest.approx(plain, rel=1e-5)
    ends = [float(whole(nx.tensor(0.3 + h), x, y)) for h in (-1e-2, 1e-2)]
    assert slope.item() == pytest.approx((ends[1] - ends[0]) / 2e-2, rel=1e-2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nx.cholesky(nx.ones(2, 3)), nx.errors.ShapeError, "square"),
        (lambda: nx.inv(nx.ones(3)), nx.errors.ShapeError, "square"),
        (lambda: nx.det(nx.tensor(1.0)), nx.errors.ShapeError, "square"),
        (lambda: nx.slogdet(nx.ones(2, 3)), nx.errors.ShapeError, "square"),
        (lambda: nx.solve(nx.eye(3), nx.ones(2)), nx.errors.ShapeError, "solve"),
        (lambda: nx.solve(nx.eye(3), 1.0), nx.errors.ShapeError, "solve"),
        (
            lambda: nx.solve(nx.ones(2, 3, 3), nx.ones(4, 3, 1)),
            nx.errors.ShapeError,
            "broadcast",
        ),
        (
            lambda: nx.triangular_solve(nx.ones(2, 3), nx.ones(2)),
            nx.errors.ShapeError,
            "triangular_solve: .*square",
        ),
    ],
)
def test_named_errors(call: Callable[[], Any], error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
