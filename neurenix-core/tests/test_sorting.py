"""sort, argsort, topk, cumsum and prod, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.testing.derivatives import check_function

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "uint32", "bool")


def _zeros_among(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    x = rng.normal(0, 1, shape)
    x[0] = 0  # one zero in each product along axis 0, and a row of nothing else
    return x


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_derivatives(device: str, axis: int | None) -> None:
    at = -1 if axis is None else axis
    shape = ((3, 4),)
    check_function(lambda x: nx.sort(x, axis), lambda x: np.sort(x, at), shape)
    check_function(
        lambda x: nx.sort(x, dim=axis, descending=True),
        lambda x: -np.sort(-x, at),
        shape,
    )
    check_function(lambda x: nx.cumsum(x, axis), lambda x: np.cumsum(x, axis), shape)
    check_function(lambda x: nx.prod(x, axis), lambda x: np.prod(x, axis), shape)
    check_function(
        lambda x: nx.prod(x, dim=axis, keepdims=True),
        lambda x: np.prod(x, axis, keepdims=True),
        shape,
        _zeros_among,
    )


def test_derivative_of_a_product_with_zeros(device: str) -> None:
    slope = nx.grad(nx.prod)
    assert slope(nx.tensor([2.0, 0.0, 3.0])).tolist() == [0, 6, 0]
    assert slope(nx.tensor([0.0, 0.0, 3.0])).tolist() == [0, 0, 0]
    curved = nx.grad(lambda x: slope(x)[0])(nx.tensor([0.0, 0.0, 3.0]))
    assert curved.tolist() == [0, 3, 0]
    assert slope(nx.tensor([5.0])).tolist() == [1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("descending", [False, True])
def test_order_is_stable(device: str, dtype: str, descending: bool) -> None:
    rng = np.random.default_rng(0)
    low = 0 if dtype.startswith(("u", "b")) else -3
    x = rng.integers(low, 4, (5, 40)).astype(dtype)
    key = x.astype(np.float64) * (-1 if descending else 1)
    order = np.argsort(key, 1, kind="stable")
    tensor = nx.tensor(x, dtype=dtype)
    found = nx.argsort(tensor, descending=descending)
    assert found.dtype is nx.int32 and np.array_equal(found.numpy(), order)
    values = tensor.sort(descending=descending)
    assert values.dtype is tensor.dtype
    assert np.array_equal(values.numpy(), np.take_along_axis(x, order, 1))


@pytest.mark.parametrize("descending", [False, True])
def test_nan_comes_last(device: str, descending: bool) -> None:
    x = nx.tensor([np.nan, 1.0, np.inf, np.nan, -np.inf])
    assert (
        nx.isnan(nx.sort(x, descending=descending)).tolist() == [False] * 3 + [True] * 2
    )
    tail = nx.argsort(x, descending=descending).tolist()[3:]
    assert tail == [0, 3]


def test_smallest_integers_sort_last_when_descending(device: str) -> None:
    low = -(2**31)
    assert nx.sort(nx.tensor([low, 5, 0]), descending=True).tolist() == [5, 0, low]
    bytes_ = nx.tensor([0, 255, 7], dtype="uint8")
    assert nx.argsort(bytes_, descending=True).tolist() == [1, 2, 0]


@pytest.mark.parametrize("largest", [True, False])
def test_topk(device: str, largest: bool) -> None:
    x = np.random.default_rng(0).permutation(24).reshape(2, 3, 4).astype(np.float32)
    values, indices = nx.topk(nx.tensor(x), 2, 1, largest)
    order = np.argsort(-x if largest else x, 1)[:, :2]
    assert np.array_equal(indices.numpy(), order)
    assert np.array_equal(values.numpy(), np.take_along_axis(x, order, 1))
    check_function(lambda x: nx.topk(x, 2, largest=largest)[0], None, ((3, 4),))


def test_wide_sums_and_products_of_integers(device: str) -> None:
    x = np.full((300,), 3, np.int32)
    assert np.array_equal(nx.cumsum(nx.tensor(x)).numpy(), np.cumsum(x))
    with np.errstate(over="ignore"):
        wrapped = np.multiply.reduce(x, dtype=np.int32)
    assert nx.prod(nx.tensor(x)).item() == int(wrapped)
    assert nx.cumsum(nx.tensor([True, False, True])).tolist() == [1, 1, 2]
    assert nx.cumsum(nx.tensor([1, 2, 4]), reverse=True).tolist() == [7, 6, 4]


def test_long_axes(device: str) -> None:
    x = np.random.default_rng(0).normal(0, 1, 20_000).astype(np.float32)
    assert np.array_equal(nx.sort(nx.tensor(x)).numpy(), np.sort(x))
    exact = np.cumsum(x.astype(np.float64))
    assert np.allclose(nx.cumsum(nx.tensor(x)).numpy(), exact, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nx.sort(nx.ones(2), 1),
        lambda: nx.sort(nx.ones(2), 0, dim=0),
        lambda: nx.argsort(nx.tensor(1.0)),
        lambda: nx.topk(nx.ones(2), 3),
        lambda: nx.topk(nx.ones(2), -1),
        lambda: nx.topk(nx.ones(2), 1.0),
        lambda: nx.cumsum(nx.ones(2), 1),
        lambda: nx.prod(nx.ones(2), 1),
    ],
)
def test_named_errors(call: Callable[[], Any]) -> None:
    with pytest.raises(nx.errors.InvalidArgumentError, match=r"^\w+: "):
        call()
