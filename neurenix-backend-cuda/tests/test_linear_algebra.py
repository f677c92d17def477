"""Factors of small and of large matrices, which go in blocks, on the emulated CUDA
engine: against NumPy, the reference's pivots, and the same bits in any batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cuda_emulated import register

import neurenix as nx
from neurenix.primitives.primitive import ops

DEVICE = register()
DTYPES = ("float32", "float64")
# whole in shared memory, beyond it, and what has several blocks and a rest
SIZES = (1, 31, 129, 200)
LARGE = (512, 1000)
ALL_SIZES = [*SIZES, *(pytest.param(n, marks=pytest.mark.nightly) for n in LARGE)]


@pytest.fixture(autouse=True)
def device() -> Iterator[None]:
    nx.init({"device": DEVICE})
    yield
    nx.init({"device": "cpu"})


def matrices(n: int, batch: int, dtype: str, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 1, (batch, n, n)).astype(dtype)


def tensor(x: Any) -> nx.Tensor:
    return nx.tensor(x, dtype=getattr(nx, x.dtype.name))


def definite(n: int, batch: int, dtype: str) -> Any:
    a = matrices(n, batch, dtype)
    return a @ np.swapaxes(a, 1, 2) / n + np.eye(n, dtype=dtype)


def near(found: Any, expected: Any, dtype: str) -> None:
    """Of one scale: relative to the largest element."""
    scale = max(float(np.abs(expected).max()), 1.0)
    bound = (2e-4 if dtype == "float32" else 1e-11) * scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def lu(a: nx.Tensor) -> tuple[Any, Any]:
    packed, order = nx.compile(lambda x: tuple(ops.lu(x)))(a)
    return packed.numpy(), order.numpy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("n", ALL_SIZES)
def test_cholesky(n: int, batch: int, dtype: str) -> None:
    a = definite(n, batch, dtype)
    # what lies above the diagonal is not read
    below = np.where(np.tril(np.ones((n, n), bool)), a, np.nan).astype(dtype)
    near(nx.cholesky(tensor(below)).numpy(), np.linalg.cholesky(a), dtype)


@pytest.mark.parametrize("n", [31, 129])
def test_a_matrix_that_is_not_definite_is_nan_and_no_other(n: int) -> None:
    a = definite(n, 3, "float64")
    a[1, n - 2, n - 2] = -1
    factor = nx.cholesky(tensor(a)).numpy()
    assert np.isnan(factor[1]).all()
    near(factor[[0, 2]], np.linalg.cholesky(a[[0, 2]]), "float64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("n", ALL_SIZES)
def test_lu_has_the_references_pivots(n: int, batch: int, dtype: str) -> None:
    a = matrices(n, batch, dtype)
    packed, order = lu(tensor(a))
    lower = np.tril(packed, -1) + np.eye(n, dtype=dtype)
    assert (np.abs(lower) <= 1).all()
    near(lower @ np.triu(packed), np.take_along_axis(a, order[..., None], 1), dtype)
    expected = ops.table["lu"].reference(a)[1]
    assert (order == expected).all()


def test_pivots_that_are_equal_nan_or_missing() -> None:
    n = 100
    rng = np.random.default_rng(4)
    whole = rng.integers(-2, 3, (n, n)).astype(np.float64)  # many of one size
    whole[:, 40] = 0
    whole[:, 41] = whole[:, 3]
    spoilt = whole + rng.normal(0, 1, (n, n))
    spoilt[70, 50] = np.nan
    for a in (whole[None, :40, :40], whole[None], spoilt[None]):
        big = np.zeros((1, n, n))
        big[0, : a.shape[1], : a.shape[1]] = a[0]
        packed, order = lu(tensor(big))
        expected, expected_order = ops.table["lu"].reference(big)
        first = 40 if a is not whole else 35  # before round-off decides between rows
        assert (order[:, :first] == expected_order[:, :first]).all()
        near(packed[:, :first, :first], expected[:, :first, :first], "float64")
        assert sorted(order[0]) == list(range(n))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(("n", "columns"), [(31, 70), (129, 1), (200, 65)])
def test_triangular_solve(
    n: int, columns: int, lower: bool, transpose: bool, dtype: str
) -> None:
    a = matrices(n, 3, dtype) / n + np.eye(n, dtype=dtype) * 2
    triangle = np.tril(a) if lower else np.triu(a)
    other = np.where(triangle == 0, np.nan, a).astype(dtype)  # is not read
    b = matrices(max(n, columns), 3, dtype, 1)[:, :n, :columns]
    x = ops.triangular_solve(
        tensor(other),
        tensor(b),
        lower=lower,
        transpose=transpose,
        unit_diagonal=False,
    )
    left = np.swapaxes(triangle, 1, 2) if transpose else triangle
    near(x.numpy(), np.linalg.solve(left, b), dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_computed_in_float32(dtype: str) -> None:
    n = 140
    half = tensor(definite(n, 2, "float32")).to(getattr(nx, dtype))
    wide = half.to(nx.float32)
    bits = [nx.cholesky(half), nx.cholesky(wide).to(half.dtype)]
    packed = [nx.compile(lambda x: tuple(ops.lu(x)))(x) for x in (half, wide)]
    bits += [packed[0][0], packed[1][0].to(half.dtype)]
    solved = [nx.triangular_solve(x, x) for x in (half, wide)]
    bits += [solved[0], solved[1].to(half.dtype)]
    for one, other in zip(bits[::2], bits[1::2], strict=True):
        assert (one.to(nx.float32).numpy() == other.to(nx.float32).numpy()).all()
    assert (packed[0][1].numpy() == packed[1][1].numpy()).all()


def test_the_same_bits_alone_in_a_batch_and_in_a_task() -> None:
    n = 140
    a = tensor(definite(n, 3, "float32"))

    def factors(x: nx.Tensor) -> tuple[nx.Tensor, ...]:
        packed, order = ops.lu(x)
        return nx.cholesky(x), packed, order, nx.triangular_solve(x, x[..., :5])

    together = [x.numpy() for x in nx.compile(factors)(a)]
    for found in (
        [np.stack(x) for x in zip(*(map(np.asarray, factors(a[i])) for i in range(3)))],
        [x.numpy() for x in nx.compile(nx.map(factors))(a)],
    ):
        for one, other in zip(found, together, strict=True):
            assert (one == other).all()


def test_derivatives_are_cores() -> None:
    n = 130
    a, b = definite(n, 1, "float64")[0], matrices(n, 1, "float64", 2)[0][:, :2]
    gradient = nx.grad(lambda a: (nx.linalg.solve(a, tensor(b)) ** 2).sum())
    found = gradient(tensor(a)).numpy()
    x = np.linalg.solve(a, b)
    near(found, -np.linalg.solve(a.T, 2 * x) @ x.T, "float64")
