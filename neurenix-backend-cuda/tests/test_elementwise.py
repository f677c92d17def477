"""Elementwise work of the emulated CUDA engine beyond the suite's table: all nine
dtypes, and sizes at which kernels take another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cuda_emulated import register

import neurenix as nx
from neurenix.dtypes import (
    Dtype,
    as_dtype,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int32,
    int64,
    uint8,
    uint32,
)
from neurenix.primitives import ops
from neurenix.tensor import tensor

NX_DEVICES = [register()]
pytestmark = pytest.mark.usefixtures("nx_device")

FLOATS = (float16, bfloat16, float32, float64)
WHOLE = (int32, int64, uint8, uint32)
DTYPES = (*FLOATS, *WHOLE, bool_)

UNARY = (
    *("neg", "abs", "sign", "floor", "round", "exp", "log", "log1p", "sin", "cos"),
    *("tan", "atan", "tanh", "sqrt", "rsqrt", "erf", "is_finite"),
)
BINARY = (
    *("add", "sub", "mul", "div", "remainder", "maximum", "minimum", "atan2", "pow"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
)
OF_WHOLE = (
    *("add", "sub", "mul", "remainder", "maximum", "minimum", "less", "equal"),
    *("bitwise_and", "bitwise_or", "bitwise_xor"),
)
REDUCTIONS = ("sum", "prod", "max", "min", "argmax")
PRECISION = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 4e-6, "float64": 1e-12}


def floats(dtype: Dtype, count: int = 203) -> Any:
    rng = np.random.default_rng(3)
    plain = rng.normal(0, 3, count)
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-5, 6e4]
    return np.concatenate([special, plain]).astype(dtype.numpy)


def whole(dtype: Dtype, count: int = 203) -> Any:
    rng = np.random.default_rng(4)
    if dtype is bool_:
        return rng.integers(0, 2, count).astype(bool)
    info = np.iinfo(dtype.numpy)
    ends = np.array([info.min, info.max, 0, 1, info.max - 1], dtype.numpy)
    many = rng.integers(info.min, info.max, count, dtype.numpy, endpoint=True)
    few = rng.integers(0, 9, count).astype(dtype.numpy)
    return np.concatenate([ends, many, few])


def draw(dtype: Dtype) -> Any:
    return floats(dtype) if dtype.is_floating else whole(dtype)


def check(name: str, *arrays: Any, **params: Any) -> None:
    """Against the reference, whose halves are rounded from float32."""
    rule = getattr(ops, name)
    with np.errstate(all="ignore"):
        expected = rule.reference(*arrays, **params)
    found = rule(*[tensor(a, dtype=as_dtype(a.dtype)) for a in arrays], **params)
    for y, wanted in zip(found if rule.many else [found], expected, strict=True):
        given = y.numpy()
        assert given.dtype == wanted.dtype and given.shape == wanted.shape
        if not y.dtype.is_floating:
            np.testing.assert_array_equal(given, wanted)
            continue
        bound = PRECISION[y.dtype.name.removeprefix("neurenix.")]
        np.testing.assert_allclose(
            given.astype(np.float64),
            wanted.astype(np.float64),
            rtol=bound,
            atol=bound * 1e-2,
            err_msg=name,
        )


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: Dtype) -> None:
    x = floats(dtype)
    if name == "tan":  # far from poles, where halves tell nothing
        x = np.clip(x, -1.2, 1.2)
    check(name, x)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: Dtype) -> None:
    x = floats(dtype)
    y = np.roll(x, 17)
    if name == "remainder":  # of quotients that are exact in float32
        x, y = (np.clip(v.astype(np.float32), -999, 999) for v in (x, y))
        x, y = np.round(x * 4) / 4, np.round(y) + np.sign(y) / 4
        x, y = x.astype(dtype.numpy), y.astype(dtype.numpy)
    check(name, x, y)


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
@pytest.mark.parametrize("name", OF_WHOLE)
def test_whole_numbers(name: str, dtype: Dtype) -> None:
    x, y = whole(dtype), np.roll(whole(dtype), 5)
    if name == "remainder":
        y = np.where(y == 0, 7, y).astype(dtype.numpy)
    check(name, x, y)


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
@pytest.mark.parametrize("name", ["shift_left", "shift_right"])
def test_shifts(name: str, dtype: Dtype) -> None:
    x = whole(dtype)
    check(name, x, (np.arange(x.size) % 80).astype(dtype.numpy))


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cast(dtype: Dtype, target: Dtype) -> None:
    x = draw(dtype)
    if dtype is bfloat16 and not target.is_floating:
        # the reference saturates no bfloat16
        x = np.clip(np.nan_to_num(x.astype(np.float32)), 0, 200).astype(dtype.numpy)
    rule = ops.cast
    expected = rule.reference(x, dtype=target)[0]
    found = rule(tensor(x, dtype=dtype), dtype=target).numpy()
    if target.is_floating:  # NaN is equal to NaN, but in bfloat16
        found, expected = found.astype(np.float64), expected.astype(np.float64)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_choice_and_movement(dtype: Dtype) -> None:
    x = draw(dtype)[:200].reshape(8, 25)
    condition = np.random.default_rng(0).integers(0, 2, x.shape).astype(bool)
    check("where", condition, x, x[::-1].copy())
    check("transpose", x, permutation=(1, 0))
    check("flip", x, axes=(0, 1))
    check("concat", x, x[:3], axis=0)


@pytest.mark.parametrize("dtype", [float64, float32, float16, uint8], ids=str)
def test_large_transposes(dtype: Dtype) -> None:
    x = np.resize(np.arange(251), (3, 67, 45)).astype(dtype.numpy)
    check("transpose", x, permutation=(0, 2, 1))
    check("transpose", x, permutation=(2, 1, 0))
    check("transpose", x, permutation=(1, 2, 0))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_index(dtype: Dtype) -> None:
    rng = np.random.default_rng(1)
    x = np.resize(draw(dtype), (70, 3))
    index = rng.integers(-2, 75, (11, 9)).astype(np.int32)
    updates = np.resize(draw(dtype)[20:], (11, 9, 3))
    check("gather", x, index, axis=0, batch=0)
    check("scatter", x, index, updates, axis=0, batch=0)
    if dtype is bfloat16:  # NumPy puts its NaN first
        values, order = ops.sort(tensor(x, dtype=dtype), axis=0)
        wanted = ops.sort.reference(x.astype(np.float32), axis=0)
        np.testing.assert_array_equal(values.numpy().astype(np.float32), wanted[0])
        np.testing.assert_array_equal(order.numpy(), wanted[1])
    elif dtype is not bool_:
        check("sort", x, axis=0)
    if dtype in (float32, float64, *WHOLE):
        check("scatter_add", x, index, updates, axis=0, batch=0)
        check(
            "cumsum",
            np.where(np.isfinite(x), x, 0).astype(x.dtype),
            axis=0,
            reverse=True,
        )


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("dtype", (*FLOATS, *WHOLE), ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dtype: Dtype, axes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    shape = (9, 7, 5)
    x = (
        rng.uniform(0.8, 1.25, shape)
        if dtype.is_floating
        else rng.integers(0, 5, shape)
    )
    x = x.astype(dtype.numpy)
    if name in ("sum", "prod") and dtype.is_floating and dtype.itemsize == 2:
        # the reference may round after each term; an engine does in the end
        exact = getattr(ops, name).reference(x.astype(np.float64), axes=axes)[0]
        found = getattr(ops, name)(tensor(x, dtype=dtype), axes=axes).numpy()
        bound = PRECISION[dtype.name.removeprefix("neurenix.")]
        np.testing.assert_allclose(found.astype(np.float64), exact, rtol=bound)
        return
    check(name, x, axes=axes)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((100_000,), (0,)),
        ((3, 40_001), (1,)),
        ((30_011, 4), (0,)),
        ((4000, 1, 9), (0,)),
        ((7, 3, 5000), (0, 2)),
    ],
)
@pytest.mark.parametrize("name", ["sum", "max", "argmax"])
@pytest.mark.parametrize("dtype", [float32, float64, int64], ids=str)
def test_long_reductions(
    name: str, dtype: Dtype, shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, shape) if dtype.is_floating else rng.integers(-9, 9, shape)
    x = x.astype(dtype.numpy)
    found = getattr(ops, name)(tensor(x, dtype=dtype), axes=axes).numpy()
    expected = getattr(ops, name).reference(x.astype(np.float64), axes=axes)[0]
    bound = 2e-6 if dtype is float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=bound, atol=bound * 100)


def test_a_sum_has_the_same_bits_beside_others() -> None:
    x = np.random.default_rng(6).normal(0, 1, (5, 12_345)).astype(np.float32)
    for turned in (x, np.ascontiguousarray(x.T).T):
        together = ops.sum(tensor(turned), axes=(1,)).numpy()
        alone = [ops.sum(tensor(row[None]), axes=(1,)).numpy()[0] for row in x]
        if turned is x:
            np.testing.assert_array_equal(together, alone)
        np.testing.assert_allclose(together, x.sum(1, dtype=np.float64), atol=1e-3)


def test_long_lines() -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(-50, 50, (2, 3000)).astype(np.float32)
    x[0, 17], x[1, 2000] = np.nan, -0.0
    check("sort", x, axis=1)
    check("sort", x.T.copy(), axis=0)
    y = np.nan_to_num(x)
    check("cumsum", y, axis=1, reverse=False)
    check("cumsum", y, axis=1, reverse=True)


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
def test_many_updates(name: str) -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(0, 1, (2, 40, 3)).astype(np.float32)
    index = rng.integers(0, 40, (2, 500)).astype(np.int32)
    updates = rng.normal(0, 1, (2, 500, 3)).astype(np.float32)
    rule = getattr(ops, name)
    expected = rule.reference(x, index, updates, axis=1, batch=1)[0]
    found = rule(tensor(x), tensor(index), tensor(updates), axis=1, batch=1).numpy()
    np.testing.assert_array_equal(found, expected)  # added in order of the updates


def test_a_chain_of_many_values() -> None:
    """Values that wait for each other, outputs stored and reduced, in one program."""
    rng = np.random.default_rng(9)
    arrays = [rng.normal(0, 1, (6, 33)).astype(np.float32) for _ in range(20)]

    def program(*xs: nx.Tensor) -> Any:
        products = [a * b + 0.5 for a, b in zip(xs, reversed(xs), strict=True)]
        total = products[0]
        for p in products[1:]:
            total = total + nx.tanh(p) * products[-1]
        return total, total.sum(1), total.max(0), products[3], total.argmax(1)

    found = nx.compile(program)(*[tensor(a) for a in arrays])
    expected = program(*[tensor(a, float64, "reference") for a in arrays])
    for y, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=2e-5, atol=2e-5)


def test_a_chain_of_more_values_than_there_are_places_for() -> None:
    """All pairs' products are there before the first is used."""
    rng = np.random.default_rng(10)
    arrays = [rng.normal(0, 1, (5, 11)).astype(np.float32) for _ in range(9)]

    def program(*xs: nx.Tensor) -> Any:
        products = [a * b for i, a in enumerate(xs) for b in xs[:i]]
        total = products[-1]
        for p in reversed(products[:-1]):
            total = nx.maximum(total, p) - p
        return total, total.sum(0), products[0], products[7].argmax(1)

    found = nx.compile(program)(*[tensor(a) for a in arrays])
    expected = program(*[tensor(a, float64, "reference") for a in arrays])
    for y, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=2e-5, atol=2e-5)
