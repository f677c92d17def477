"""A NaN that goes in comes out: of activations, reductions and pools, in every place,
eager and compiled, to the second derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.nn import functional

Function = Callable[[nx.Tensor], nx.Tensor]
NAN, INFINITY = math.nan, math.inf
# Longer than a vector of any engine, and no multiple of one.
POINTS = np.linspace(-3.0, 3.0, 53, dtype=np.float32)
PLACES = (0, 15, 16, 31, 47, 52)

ELEMENTWISE: dict[str, Function] = {
    **{
        f.__name__: f
        for f in (
            *(nx.relu, nx.leaky_relu, nx.elu, nx.silu, nx.gelu, nx.softplus),
            *(nx.log_sigmoid, nx.sigmoid, nx.tanh, nx.erf, nx.exp, nx.log, nx.log1p),
            *(nx.sqrt, nx.rsqrt, nx.sin, nx.cos, nx.tan, nx.atan, nx.absolute),
            *(nx.sign, nx.floor, nx.round, nx.negative, nx.square),
        )
    },
    "gelu, tanh": lambda x: nx.gelu(x, "tanh"),
    "clip": lambda x: nx.clip(x, -1.0, 1.0),
    "clip, low": lambda x: nx.clip(x, 0.0),
    "clip, high": lambda x: nx.clip(x, None, 0.0),
    "maximum": lambda x: nx.maximum(x, 0.0),
    "maximum, second": lambda x: nx.maximum(nx.tensor(0.0), x),
    "minimum": lambda x: nx.minimum(x, 0.0),
    "minimum, second": lambda x: nx.minimum(nx.tensor(0.0), x),
    "power": lambda x: x**3,
    "remainder": lambda x: x % 2.0,
    "relu of a product": lambda x: nx.relu(x * 2.0 + 1.0) * 3.0,
    "relu twice": lambda x: nx.relu(nx.relu(x) - 0.5),
}
REDUCTIONS: dict[str, Function] = {
    **{
        f.__name__: f
        for f in (
            *(nx.sum, nx.mean, nx.prod, nx.max, nx.min, nx.var, nx.std, nx.norm),
            *(nx.logsumexp, nx.softmax, nx.log_softmax),
        )
    },
    "relu, then sum": lambda x: nx.relu(x).sum(),
    "relu, then max": lambda x: nx.relu(x).max(),
    "relu, then min": lambda x: nx.relu(x).min(),
    "relu, then mean": lambda x: (nx.relu(x) * 2.0 + 1.0).mean(),
    "layer norm": lambda x: functional.layer_norm(x, (x.shape[-1],)),
    "cross entropy": lambda x: functional.cross_entropy(x, nx.tensor(0)),
    "squared error": lambda x: functional.mse_loss(nx.relu(x), nx.ones(x.shape)),
    "max pool": lambda x: functional.max_pool2d(x.reshape(1, 1, -1), (1, x.size)),
}


@pytest.fixture(params=["eager", "compiled"])
def mode(request: pytest.FixtureRequest, device: str) -> Callable[[Any], Any]:
    return nx.compile if request.param == "compiled" else lambda f: f


def with_nan(place: int) -> Any:
    values = POINTS.copy()
    values[place] = NAN
    return values


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str, mode: Callable[[Any], Any]) -> None:
    f = ELEMENTWISE[name]
    program = mode(lambda x: f(x) * 2.0 + 1.0)
    without = np.isnan(program(nx.tensor(POINTS)).numpy())  # of log below 0, say
    for place in PLACES:
        found = np.isnan(program(nx.tensor(with_nan(place))).numpy())
        without_this = without.copy()
        without_this[place] = True
        np.testing.assert_array_equal(found, without_this)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, mode: Callable[[Any], Any]) -> None:
    program = mode(REDUCTIONS[name])
    for place in PLACES:
        assert np.isnan(program(nx.tensor(with_nan(place))).numpy()).all()


@pytest.mark.parametrize("name", [*ELEMENTWISE, *REDUCTIONS])
def test_compiled_derivatives_have_the_nans_of_eager_ones(
    name: str, device: str
) -> None:
    f = {**ELEMENTWISE, **REDUCTIONS}[name]

    def gradient(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: (f(v) * f(v)).sum())(x)

    def second(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: (gradient(v) * nx.cos(v)).sum())(x)

    for derivative in (gradient, second):
        program = nx.compile(derivative)
        for place in PLACES[::2]:
            x = nx.tensor(with_nan(place))
            eager, compiled = derivative(x).numpy(), program(x).numpy()
            np.testing.assert_array_equal(np.isnan(compiled), np.isnan(eager))
            np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-3)


def test_relu_at_its_kink_and_at_nan(mode: Callable[[Any], Any]) -> None:
    x = nx.tensor([-1.0, -0.0, 0.0, 2.0, INFINITY, -INFINITY, NAN])

    def first(x: nx.Tensor) -> nx.Tensor:
        return nx.grad(lambda v: nx.relu(v).sum())(x)

    values = mode(nx.relu)(x).numpy()
    expected = [0.0, 0.0, 0.0, 2.0, INFINITY, 0.0, NAN]
    np.testing.assert_array_equal(values, expected)
    assert not np.signbit(values[:6]).any()
    assert mode(first)(x).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("dtype", [nx.float32, nx.float64], ids=str)
@pytest.mark.parametrize("channels", [3, 16, 20])
def test_a_block_of_a_convolutional_network(
    channels: int, dtype: Any, mode: Callable[[Any], Any]
) -> None:
    """Convolution, batch norm, ReLU, pooling: the last three are one instruction."""

    def block(x: nx.Tensor, w: nx.Tensor, norm: bool) -> nx.Tensor:
        y = functional.conv2d(x, w, padding=1)
        if norm:
            y = functional.batch_norm(y, None, None, None, None, training=True)
        return functional.max_pool2d(nx.relu(y), 2)

    rng = np.random.default_rng(channels)
    x = rng.normal(size=(2, 3, 8, 8))
    w = nx.tensor(rng.normal(size=(channels, 3, 3, 3)), dtype=dtype)
    plain = mode(lambda x, w: block(x, w, False))
    normed = mode(lambda x, w: block(x, w, True))
    gradient = mode(nx.grad(lambda w, x: nx.sin(block(x, w, True)).sum()))
    for row, column in ((0, 0), (3, 5), (7, 7)):
        image = x.copy()
        image[1, 2, row, column] = NAN
        found = np.isnan(plain(nx.tensor(image, dtype=dtype), w).numpy())
        expected = np.zeros_like(found)
        rows = slice(max(row - 1, 0) // 2, (row + 1) // 2 + 1)
        columns = slice(max(column - 1, 0) // 2, (column + 1) // 2 + 1)
        expected[1, :, rows, columns] = True
        np.testing.assert_array_equal(found, expected)
        # a mean over the images has the NaN of one of them
        assert np.isnan(normed(nx.tensor(image, dtype=dtype), w).numpy()).all()
        assert np.isnan(gradient(w, nx.tensor(image, dtype=dtype)).numpy()).all()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("name", ["argmax", "argmin", "sort", "argsort"])
def test_places_are_those_of_numpy(
    name: str, relu: bool, mode: Callable[[Any], Any]
) -> None:
    def f(x: nx.Tensor) -> nx.Tensor:
        return getattr(nx, name)(nx.relu(x) if relu else x)

    program = mode(f)
    for place in PLACES:
        x = with_nan(place)
        x[50] = NAN
        limited = np.where(x <= 0, 0, x) if relu else x
        options = {"kind": "stable"} if "sort" in name else {}
        expected = getattr(np, name)(limited, **options)
        np.testing.assert_array_equal(program(nx.tensor(x)).numpy(), expected)


@pytest.mark.parametrize(
    ("values", "expected", "gradient"),
    [
        ([-INFINITY, -INFINITY], -INFINITY, [0.0, 0.0]),
        ([-INFINITY], -INFINITY, [0.0]),
        ([INFINITY, 1.0], INFINITY, [0.0, 0.0]),
        ([INFINITY, INFINITY], INFINITY, [0.0, 0.0]),
        ([INFINITY, -INFINITY], INFINITY, [0.0, 0.0]),
        ([-INFINITY, 2.0], 2.0, [0.0, 1.0]),
        ([NAN, INFINITY], NAN, [NAN, NAN]),
        ([-INFINITY, NAN], NAN, [NAN, NAN]),
        ([0.0, 0.0], math.log(2.0), [0.5, 0.5]),
    ],
)
def test_logsumexp_of_infinities(
    values: list[float],
    expected: float,
    gradient: list[float],
    mode: Callable[[Any], Any],
) -> None:
    x = nx.tensor(values)
    assert mode(nx.logsumexp)(x).item() == pytest.approx(expected, nan_ok=True)
    first = nx.grad(nx.logsumexp)
    assert mode(first)(x).tolist() == pytest.approx(gradient, nan_ok=True)
    second = nx.grad(lambda v: (first(v) * nx.tensor([1.0, 2.0])[: v.size]).sum())
    if not math.isfinite(expected) and expected == expected:
        assert mode(second)(x).tolist() == [0.0] * len(values)
