"""Functions by the names of other libraries, against NumPy: values, derivatives to the
second order and vmap; where they are hard to compute; random whole numbers, orders and
choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.functions.draws import whole_numbers
from neurenix.testing.derivatives import check_function

Function = Callable[..., Any]
Shapes = tuple[tuple[int, ...], ...]


def inside(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Within (−1, 1)."""
    return rng.uniform(-0.9, 0.9, shape)


def above(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Above 1."""
    return rng.uniform(1.2, 4, shape)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.normal(0, 1, shape)


ONE: Shapes = ((2, 3),)
TWO: Shapes = ((2, 3), (3,))
# name: ours, NumPy's, shapes, the arguments' range
TABLE: dict[str, tuple[Function, Function, Shapes, Any]] = {
    "abs": (nx.abs, np.abs, ONE, normal),
    "acos": (nx.acos, np.arccos, ONE, inside),
    "acosh": (nx.acosh, np.arccosh, ONE, above),
    "asin": (nx.asin, np.arcsin, ONE, inside),
    "asinh": (nx.asinh, np.arcsinh, ONE, normal),
    "atanh": (nx.atanh, np.arctanh, ONE, inside),
    "ceil": (nx.ceil, np.ceil, ONE, normal),
    "trunc": (nx.trunc, np.trunc, ONE, normal),
    "exp2": (nx.exp2, np.exp2, ONE, normal),
    "expm1": (nx.expm1, np.expm1, ONE, normal),
    "log2": (nx.log2, np.log2, ONE, above),
    "log10": (nx.log10, np.log10, ONE, above),
    "sinh": (nx.sinh, np.sinh, ONE, normal),
    "cosh": (nx.cosh, np.cosh, ONE, normal),
    "reciprocal": (nx.reciprocal, np.reciprocal, ONE, above),
    "logaddexp": (nx.logaddexp, np.logaddexp, TWO, normal),
    "hypot": (nx.hypot, np.hypot, TWO, normal),
    "lerp": (
        nx.lerp,
        lambda a, b, w: a + w * (b - a),
        ((2, 3), (3,), (2, 1)),
        normal,
    ),
    "clamp": (
        lambda x: nx.clamp(x, min=-0.5, max=0.5),
        lambda x: np.clip(x, -0.5, 0.5),
        ONE,
        normal,
    ),
    "cumprod": (lambda x: nx.cumprod(x, 1), lambda x: np.cumprod(x, 1), ONE, normal),
    "cumprod-flat": (nx.cumprod, np.cumprod, ONE, normal),
    "diff": (nx.diff, np.diff, ONE, normal),
    "diff-twice": (
        lambda x: nx.diff(x, 2, axis=0),
        lambda x: np.diff(x, 2, axis=0),
        ((5, 2),),
        normal,
    ),
    "median": (nx.median, np.median, ONE, normal),
    "median-odd": (
        lambda x: nx.median(x, dim=1),
        lambda x: np.median(x, 1),
        ONE,
        normal,
    ),
    "median-keepdims": (
        lambda x: nx.median(x, (0, 2), keepdims=True),
        lambda x: np.median(x, (0, 2), keepdims=True),
        ((2, 3, 4),),
        normal,
    ),
    "quantile": (
        lambda x: nx.quantile(x, 0.3, 0),
        lambda x: np.quantile(x, 0.3, 0),
        ((5, 2),),
        normal,
    ),
    "quantile-several": (
        lambda x: nx.quantile(x, [0.0, 0.35, 1.0], axis=(0, 2), keepdims=True),
        lambda x: np.quantile(x, [0.0, 0.35, 1.0], axis=(0, 2), keepdims=True),
        ((2, 3, 4),),
        normal,
    ),
    "index_add": (
        lambda x, u: nx.index_add(x, [[0, 2], [-1, 0]], u, axis=1),
        lambda x, u: x + np.einsum("aijb,ijn->anb", u, np.eye(3)[[[0, 2], [2, 0]]]),
        ((2, 3, 2), (2, 2, 2, 2)),
        normal,
    ),
    "chunk": (
        lambda x: nx.concat(nx.chunk(x, 2, 1)[::-1], 1),
        lambda x: x[:, [3, 4, 0, 1, 2]],
        ((2, 5),),
        normal,
    ),
    "cat": (
        lambda x, y: nx.cat([x, y], dim=0),
        lambda x, y: np.concatenate([x, y]),
        ((2, 3), (1, 3)),
        normal,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_against_numpy(device: str, name: str) -> None:
    check_function(*TABLE[name])


HARD = [0.0, -0.0, 1e-30, 1e-6, 1e-3, 0.5, 1.0, 9.0, 30.0, 88.0, 89.3, 1e9, 1e30]
HARD += [np.inf, np.nan, 8.0, 1000.0, 0.125, 0.01]
UNARY = ["acos", "acosh", "asin", "asinh", "atanh", "ceil", "trunc", "exp2", "expm1"]
UNARY += ["log2", "log10", "sinh", "cosh"]
NAMES = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh"}
NAMES["atanh"] = "arctanh"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_to_a_few_units_in_the_last_place(device: str, name: str, dtype: Any) -> None:
    x = np.array([*HARD, *(-v for v in HARD)] * 3, dtype)
    found = getattr(nx, name)(nx.tensor(x, dtype=np.dtype(dtype).name)).numpy()
    with np.errstate(all="ignore"):
        exact = getattr(np, NAMES.get(name, name))(x.astype(np.longdouble))
        expected = exact.astype(dtype)
        finite = np.isfinite(expected)
        gap = np.abs(found - expected)[finite]
    assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    assert (gap <= 8 * np.spacing(np.abs(expected[finite]))).all()
    zero = expected == 0
    assert (np.signbit(found) == np.signbit(expected))[zero].all()


@pytest.mark.parametrize(
    ("name", "first", "second", "third"),
    [
        ("sinh", 1, 0, 1),
        ("cosh", 0, 1, 0),
        ("asinh", 1, 0, -1),
        ("expm1", 1, 1, 1),
        ("atanh", 1, 0, 2),
    ],
)
def test_derivatives_at_zero(
    device: str, name: str, first: float, second: float, third: float
) -> None:
    f = getattr(nx, name)
    for zero in (0.0, -0.0):
        slope, values = f, []
        for _ in range(3):
            slope = nx.grad(slope)
            values.append(slope(nx.tensor(zero, nx.float64)).item())
        assert values == pytest.approx([first, second, third], abs=1e-12)


def test_derivatives_where_arguments_are_equal(device: str) -> None:
    hessian = nx.hessian(lambda v: nx.logaddexp(v[0], v[1]))(nx.zeros(2))
    assert np.allclose(hessian.numpy(), [[0.25, -0.25], [-0.25, 0.25]])
    hessian = nx.hessian(lambda v: nx.hypot(v[0], v[1]))(nx.ones(2))
    assert np.allclose(hessian.numpy(), np.array([[1, -1], [-1, 1]]) / 8**0.5)
    assert nx.grad(lambda v: nx.hypot(v[0], v[1]))(nx.zeros(2)).tolist() == [0, 0]


def test_hypot_and_logaddexp_at_the_ends(device: str) -> None:
    inf, nan = np.inf, np.nan
    a = np.array([3e30, 1e-30, inf, nan, -inf, 0.0, 1e38], np.float32)
    b = np.array([4e30, 1e-30, nan, 1.0, 2.0, 0.0, -1e38], np.float32)
    assert np.allclose(
        nx.hypot(nx.tensor(a), nx.tensor(b)).numpy(), np.hypot(a, b), equal_nan=True
    )
    a = np.array([inf, -inf, inf, -inf, nan, 1e4, -1e4], np.float32)
    b = np.array([inf, -inf, -inf, 1.0, 1.0, -1e4, -1e4], np.float32)
    with np.errstate(all="ignore"):
        expected = np.logaddexp(a, b)
    found = nx.logaddexp(nx.tensor(a), nx.tensor(b)).numpy()
    assert np.allclose(found, expected, equal_nan=True)


def test_half_precision_is_computed_in_single() -> None:
    nx.init({"device": "reference"})  # which has float16
    x = np.linspace(-0.9, 0.9, 31).astype(np.float16)
    for name in ("asinh", "sinh", "cosh", "expm1", "asin", "acos"):
        found = getattr(nx, name)(nx.tensor(x, dtype=nx.float16))
        expected = getattr(np, NAMES.get(name, name))(x.astype(np.float64))
        assert found.dtype is nx.float16
        assert np.allclose(found.numpy(), expected, rtol=1e-3, atol=1e-3), name
    large = nx.tensor([200.0], dtype=nx.float16)
    assert nx.hypot(large, large).item() == pytest.approx(283, rel=1e-3)


def test_hessian(device: str) -> None:
    def f(a: nx.Tensor, b: nx.Tensor) -> nx.Tensor:
        return (a * a).sum() * b.sum() + (b**3).sum()

    a, b = nx.tensor([1.0, 2.0]), nx.tensor([3.0])
    assert nx.hessian(f)(a, b).tolist() == [[6, 0], [0, 6]]
    (aa, ab), (ba, bb) = nx.hessian(f, (0, 1))(a, b)
    assert aa.tolist() == [[6, 0], [0, 6]] and bb.tolist() == [[18]]
    assert ab.tolist() == [[2], [4]] and ba.tolist() == [[2, 4]]
    assert nx.compile(nx.hessian(f))(a, b).tolist() == [[6, 0], [0, 6]]


def test_what_nan_and_infinity_make_of_quantiles(device: str) -> None:
    assert np.isnan(nx.median(nx.tensor([1.0, np.nan, 2.0])).item())
    assert nx.median(nx.tensor([1.0, 2.0, np.inf])).item() == 2.0
    assert nx.quantile(nx.tensor([-np.inf, 1.0, 5.0]), 0.5).item() == 1.0
    assert np.isnan(nx.median(nx.zeros(0)).item())
    assert nx.median(nx.zeros(2, 0), 1).shape == (2,)
    assert nx.median(nx.tensor([1, 2])).item() == 1.5


def test_what_values_choose(device: str) -> None:
    x = np.array([[0, 3, 0], [2, 0, 3]])
    t = nx.tensor(x)
    assert [i.tolist() for i in nx.nonzero(t)] == [i.tolist() for i in np.nonzero(x)]
    assert t[nx.nonzero(t)].tolist() == [3, 2, 3]
    assert nx.unique(t).tolist() == [0, 2, 3]
    assert nx.unique(nx.zeros(0)).shape == (0,)
    slope = nx.grad(lambda v: (nx.unique(v) * nx.tensor([1.0, 2.0])).sum())
    assert slope(nx.tensor([5.0, 1.0, 5.0])).tolist() == [2, 1, 0]
    for side in ("left", "right"):
        found = nx.searchsorted(nx.tensor([1.0, 2.0, 2.0, 5.0]), t, side)
        assert found.tolist() == np.searchsorted([1, 2, 2, 5], x, side).tolist()


def test_equality_of_whole_tensors(device: str) -> None:
    one = nx.ones(2, 3)
    assert nx.array_equal(one, nx.ones(2, 3)) and nx.array_equal(one, one.int())
    assert not nx.array_equal(one, nx.ones(3)) and not nx.array_equal(one, one * 2)
    assert not nx.array_equal(one * np.nan, one * np.nan)


def test_asarray_keeps_what_fits(device: str) -> None:
    x = nx.tensor([1.0], requires_grad=True)
    assert nx.asarray(x) is x and nx.asarray(x, device=x.device) is x
    assert nx.asarray(x, nx.float64).requires_grad
    assert nx.asarray(np.arange(2)).dtype is nx.int32


# ---- random numbers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 7), (-(2**31), 2**31), (5, 2**20 + 3), (0, 2**31), (-(2**31), 2**31 - 1)],
)
def test_whole_numbers_are_exact_fractions(device: str, low: int, high: int) -> None:
    words = np.random.default_rng(0).integers(0, 2**32, (2, 500), dtype=np.uint32)
    words[:, :2] = [[0, 2**32 - 1], [0, 2**32 - 1]]
    found = whole_numbers(nx.tensor(words, dtype=nx.uint32), low, high)
    fractions = ((int(a) << 32) + int(b) for a, b in words.T)
    assert found.tolist() == [low + (w * (high - low) >> 64) for w in fractions]


def test_draws_have_their_shares(device: str) -> None:
    source = nx.Generator(0)
    drawn = nx.randint(-2, 3, (5000,), generator=source).numpy()
    assert drawn.dtype == np.int32
    assert np.allclose(np.bincount(drawn + 2, minlength=5), 1000, atol=120)
    orders = [tuple(nx.randperm(3, generator=source).tolist()) for _ in range(600)]
    assert len(set(orders)) == 6
    assert np.allclose([orders.count(o) for o in set(orders)], 100, atol=40)
    assert sorted(nx.randperm(2000, generator=source).tolist()) == list(range(2000))
    assert nx.randperm(0).shape == (0,)
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    drawn = nx.categorical(nx.log(nx.tensor(p)), (4000,), generator=source).numpy()
    assert drawn.shape == (4000, 2)
    shares = [np.bincount(column, minlength=3) / 4000 for column in drawn.T]
    assert np.allclose(shares, p, atol=0.03)
    mean = nx.bernoulli(nx.full((4000,), 0.3), generator=source).float().mean()
    assert abs(mean.item() - 0.3) < 0.03


def test_draws_in_compiled_code(device: str) -> None:
    source = nx.Generator(3)

    def draw() -> tuple[nx.Tensor, nx.Tensor, nx.Tensor]:
        order = nx.randperm(9, generator=source)
        classes = nx.categorical(nx.zeros(4), 3, generator=source)
        return order, classes, nx.permutation(nx.ones(3, 2), generator=source)

    f = nx.compile(draw, state=[source])
    first, second = f(), f()
    assert sorted(first[0].tolist()) == list(range(9))
    assert first[0].tolist() != second[0].tolist()
    assert first[1].shape == (3,) and first[2].shape == (3, 2)
