"""Array functions against NumPy, to the second derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import IndexOutOfRangeError, InvalidArgumentError, ShapeError
from neurenix.testing.derivatives import check_function

Function = Callable[..., Any]
# name: ours, NumPy's, shapes
TABLE: dict[str, tuple[Function, Function, tuple[tuple[int, ...], ...]]] = {
    "std": (lambda x: nx.std(x, 1), lambda x: x.std(1), ((3, 5),)),
    "std-sample": (
        lambda x: nx.std(x, dim=0, correction=1, keepdims=True),
        lambda x: x.std(0, ddof=1, keepdims=True),
        ((4, 3),),
    ),
    "diagonal": (nx.diagonal, np.diagonal, ((3, 4),)),
    "diagonal-above": (
        lambda x: nx.diagonal(x, 1, 2, 0),
        lambda x: np.diagonal(x, 1, 2, 0),
        ((3, 2, 4),),
    ),
    "diagonal-below": (
        lambda x: nx.diagonal(x, -2),
        lambda x: np.diagonal(x, -2),
        ((4, 3),),
    ),
    "diagonal-outside": (
        lambda x: nx.diagonal(x, 7),
        lambda x: np.diagonal(x, 7),
        ((4, 3),),
    ),
    "trace": (nx.trace, np.trace, ((4, 4),)),
    "trace-batch": (
        lambda x: nx.trace(x, 1, -2, -1),
        lambda x: np.trace(x, 1, -2, -1),
        ((2, 3, 4),),
    ),
    "tril": (nx.tril, np.tril, ((3, 4),)),
    "tril-1": (lambda x: nx.tril(x, -1), lambda x: np.tril(x, -1), ((2, 3, 3),)),
    "triu": (lambda x: nx.triu(x, 1), lambda x: np.triu(x, 1), ((2, 3, 4),)),
    "outer": (nx.outer, np.outer, ((3,), (2, 2))),
    "swapaxes": (
        lambda x: nx.swapaxes(x, 0, -1),
        lambda x: np.swapaxes(x, 0, -1),
        ((2, 3, 4),),
    ),
    "roll": (lambda x: nx.roll(x, 2), lambda x: np.roll(x, 2), ((2, 3),)),
    "roll-axes": (
        lambda x: nx.roll(x, (1, -5), (0, 1)),
        lambda x: np.roll(x, (1, -5), (0, 1)),
        ((2, 3),),
    ),
    "roll-one-shift": (
        lambda x: nx.roll(x, 1, (0, 1)),
        lambda x: np.roll(x, 1, (0, 1)),
        ((2, 3),),
    ),
    "repeat": (lambda x: nx.repeat(x, 3), lambda x: np.repeat(x, 3), ((2, 3),)),
    "repeat-axis": (
        lambda x: nx.repeat(x, 2, 1),
        lambda x: np.repeat(x, 2, 1),
        ((2, 3, 2),),
    ),
    "repeat-list": (
        lambda x: nx.repeat(x, [2, 0, 1], 1),
        lambda x: np.repeat(x, [2, 0, 1], 1),
        ((2, 3),),
    ),
    "tile": (lambda x: nx.tile(x, 2, 3), lambda x: np.tile(x, (2, 3)), ((2, 3),)),
    "tile-shorter": (lambda x: nx.tile(x, 2), lambda x: np.tile(x, 2), ((2, 3),)),
    "tile-longer": (
        lambda x: nx.tile(x, (2, 1, 2)),
        lambda x: np.tile(x, (2, 1, 2)),
        ((3,),),
    ),
    "tile-none": (lambda x: nx.tile(x, (0, 2)), lambda x: np.tile(x, (0, 2)), ((3,),)),
    "unstack": (
        lambda x: nx.stack(nx.unstack(x, 1)[::-1]),
        lambda x: np.moveaxis(x, 1, 0)[::-1],
        ((2, 3),),
    ),
    "meshgrid": (
        lambda x, y: nx.stack(nx.meshgrid(x, y)),
        lambda x, y: np.stack(np.meshgrid(x, y)),
        ((2,), (3,)),
    ),
    "meshgrid-ij": (
        lambda x, y, z: nx.stack(nx.meshgrid(x, y, z, indexing="ij")),
        lambda x, y, z: np.stack(np.meshgrid(x, y, z, indexing="ij")),
        ((2,), (3,), (2,)),
    ),
    "gelu": (
        nx.gelu,
        lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
        ((2, 3),),
    ),
    "gelu-tanh": (
        lambda x: nx.gelu(x, approximate="tanh"),
        lambda x: x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
        ((2, 3),),
    ),
    "softplus": (nx.softplus, lambda x: np.logaddexp(x, 0), ((2, 3),)),
    "log_sigmoid": (nx.log_sigmoid, lambda x: -np.logaddexp(-x, 0), ((2, 3),)),
    "silu": (nx.silu, lambda x: x / (1 + np.exp(-x)), ((2, 3),)),
    "elu": (
        lambda x: nx.elu(x, 1.5),
        lambda x: np.where(x > 0, x, 1.5 * np.expm1(x)),
        ((2, 3),),
    ),
    "nan_to_num": (nx.nan_to_num, np.nan_to_num, ((2, 3),)),
}


@pytest.mark.parametrize("name", TABLE)
def test_against_numpy(device: str, name: str) -> None:
    check_function(*TABLE[name])


def test_activations_far_from_zero(device: str) -> None:
    far = nx.tensor([-1e4, -40.0, 0.0, 40.0, 1e4])
    assert nx.softplus(far).tolist() == pytest.approx(
        [0, 4.248354e-18, math.log(2), 40, 1e4]
    )
    assert nx.elu(far).tolist() == [-1, -1, 0, 40, 1e4]
    assert nx.elu(nx.tensor(-1e-6)).item() == pytest.approx(-1e-6, rel=1e-5)
    assert nx.gelu(far).tolist() == [0, 0, 0, 40, 1e4]
    for f in (nx.softplus, nx.log_sigmoid, nx.gelu, nx.silu, nx.elu):
        assert nx.isfinite(nx.grad(lambda x, f=f: f(x).sum())(far)).all()


def test_softplus_is_smooth_at_zero(device: str) -> None:
    slope = nx.grad(nx.softplus)
    assert slope(nx.tensor(0.0)).item() == pytest.approx(0.5)
    assert nx.grad(slope)(nx.tensor(0.0)).item() == pytest.approx(0.25)


def test_std_of_equal_values_has_a_derivative(device: str) -> None:
    assert nx.grad(nx.std)(nx.ones(3)).tolist() == [0, 0, 0]


def test_counting(device: str) -> None:
    x = np.array([[0.0, 2.0, np.nan], [0.0, 0.0, -1.0]])
    assert nx.count_nonzero(nx.tensor(x)).item() == 3
    counted = nx.tensor(x).count_nonzero(dim=0)
    assert counted.dtype is nx.int32 and counted.tolist() == [0, 1, 2]


@pytest.mark.parametrize("equal_nan", [False, True])
def test_closeness(device: str, equal_nan: bool) -> None:
    inf, nan = np.inf, np.nan
    a = np.array([1.0, 1.0, inf, inf, -inf, nan, nan, 0.0, 1e30])
    b = np.array([1.0 + 1e-6, 1.1, inf, 1.0, inf, nan, 0.0, inf, inf])
    found = nx.isclose(nx.tensor(a), nx.tensor(b), equal_nan=equal_nan)
    assert found.tolist() == np.isclose(a, b, equal_nan=equal_nan).tolist()
    assert not nx.allclose(nx.tensor(a), nx.tensor(b))
    assert nx.allclose(nx.tensor([1, 2]), [1.0, 2.0])


def test_no_more_nan(device: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 2.0], np.float32)
    assert np.array_equal(nx.nan_to_num(nx.tensor(x)).numpy(), np.nan_to_num(x))
    found = nx.tensor(x).nan_to_num(1.0, posinf=3.0, neginf=-3.0)
    assert found.tolist() == [1, 3, -3, 2]


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "bool"])
def test_argmin_of_the_extremes(device: str, dtype: str) -> None:
    kind = np.dtype(dtype)
    values = {"int32": [5, -(2**31), 0], "uint8": [200, 7, 0]}.get(dtype, [1, 1, 0])
    x = np.array(values).astype(kind)
    assert nx.argmin(nx.tensor(x, dtype=dtype)).item() == int(x.argmin())


def test_triangles_of_other_dtypes(device: str) -> None:
    assert nx.triu(nx.ones(2, 2) > 0).tolist() == [[True, True], [False, True]]
    assert nx.tensor([[1, 2], [3, 4]]).tril().tolist() == [[1, 0], [3, 4]]


@pytest.mark.parametrize(
    "call",
    [
        lambda: nx.diagonal(nx.ones(3)),
        lambda: nx.diagonal(nx.ones(3, 3), 0, 1, 1),
        lambda: nx.tril(nx.ones(3)),
        lambda: nx.trace(nx.ones(3, 3), 0, 0, 2),
        lambda: nx.roll(nx.ones(3), (1, 2), (0,)),
        lambda: nx.roll(nx.ones(3), 1, 1),
        lambda: nx.repeat(nx.ones(3), -1),
        lambda: nx.repeat(nx.ones(3), [1, 2]),
        lambda: nx.repeat(nx.ones(3), 1.5),
        lambda: nx.tile(nx.ones(3), -1),
        lambda: nx.swapaxes(nx.ones(3), 0, 1),
        lambda: nx.unstack(nx.tensor(1.0)),
        lambda: nx.meshgrid(nx.ones(2, 2)),
        lambda: nx.meshgrid(nx.ones(2), indexing="ji"),
        lambda: nx.gelu(nx.ones(2), approximate="erf"),
    ],
)
def test_named_errors(call: Callable[[], Any]) -> None:
    with pytest.raises(nx.errors.InvalidArgumentError, match=r"^\w+: "):
        call()


# ---- masks, integer powers, several axes ---------------------------------------------

MASKS = {
    "whole": np.array([[True, False, True], [False, True, False]]),
    "rows": np.array([True, False]),
    "last": (Ellipsis, np.array([True, False, True])),
    "with an integer": (1, np.array([False, True, True])),
    "rank 0": np.array(True),
    "rank 0, false": (slice(None), np.array(False)),
    "none": np.zeros((2, 3), bool),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(device: str, name: str) -> None:
    key = MASKS[name]
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = nx.tensor(array)
    np.testing.assert_array_equal(x[key].numpy(), array[key])
    parts = key if isinstance(key, tuple) else (key,)
    tensors = tuple(nx.tensor(k) if isinstance(k, np.ndarray) else k for k in parts)
    np.testing.assert_array_equal(x[tensors].numpy(), array[key])
    array[key] = -1.0
    x[tensors] = -1.0
    np.testing.assert_array_equal(x.numpy(), array)


def test_masks_of_other_shapes(device: str) -> None:
    x = nx.zeros(2, 3)
    keys = {
        r"mask of shape \(3, 2\) .* have \(2, 3\)": np.ones((3, 2), bool),
        r"mask of shape \(3,\) .* have \(2,\)": np.ones(3, bool),
        r"mask of shape \(2,\) .* have \(3,\)": (..., np.ones(2, bool)),
        r"mask of shape \(0, 0\) .* have \(2, 3\)": np.ones((0, 0), bool),
    }
    for message, key in keys.items():
        with pytest.raises(IndexError, match=message):
            x[key]
        with pytest.raises(IndexOutOfRangeError):
            x[key] = 1.0


def test_powers_of_integers_are_integers(device: str) -> None:
    a = np.array([-3, -1, 0, 1, 2, 3, 7], np.int32)
    b = np.array([5, 3, 64, 100, 31, 40, 0], np.int32)
    found = nx.tensor(a) ** nx.tensor(b)
    assert found.dtype is nx.int32
    np.testing.assert_array_equal(found.numpy(), a**b)
    assert (2 ** nx.tensor([3, 4])).tolist() == [8, 16]
    assert (nx.tensor(a) ** nx.tensor(-1)).tolist() == [0, -1, 0, 1, 0, 0, 0]
    assert (nx.tensor(2) ** -1).item() == 0.5
    small = nx.tensor([3, 2], dtype="uint8") ** nx.tensor([6, 255], dtype="uint8")
    assert small.tolist() == [3**6 % 256, 0] and small.dtype is nx.uint8


def test_padding_keeps_the_sign_of_zero(device: str) -> None:
    x = nx.tensor([0.0, -0.0, 2.0])
    for value, sign in ((0.0, False), (-0.0, True), (0.0, False)):
        found = nx.pad(x, [(1, 1)], value).numpy()
        assert np.signbit(found).tolist() == [sign, False, True, False, sign]
        assert found.tolist() == [0.0, 0.0, 0.0, 2.0, 0.0]


def test_large_floats_become_integers(device: str) -> None:
    values = np.array([1.5 * 2**62, -1.5 * 2**62, 2.0**62, 1e300, -1e300])
    found = nx.tensor(values, dtype=nx.float64).to(nx.int64).numpy()
    most = np.iinfo(np.int64)
    assert found.tolist() == [3 * 2**61, -3 * 2**61, 2**62, most.max, most.min]


def test_quotients_of_64_bits_are_exact(device: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-(2**63), 2**63 - 1, 2000)
    y = np.maximum(rng.integers(1, 2**63 - 1, 2000) >> rng.integers(0, 62, 2000), 1)
    y *= rng.choice([-1, 1], 2000)
    x[:3], y[:3] = (2**53 + 1, 2**63 - 1, -(2**63)), (1, -1, 3)
    a, b = (nx.tensor(each, dtype=nx.int64) for each in (x, y))
    assert np.array_equal((a // b).numpy(), x // y)


def test_moveaxis_of_several_axes(device: str) -> None:
    x = np.zeros((2, 3, 4, 5), np.float32)
    for source, destination in [(0, -1), ((0, 1), (-1, 0)), ([], []), ((3, 0), (0, 2))]:
        expected = np.moveaxis(x, source, destination).shape
        assert nx.moveaxis(nx.tensor(x), source, destination).shape == expected
    for source, destination in [((0, 1), 0), ((0, 0), (0, 1)), ((0, 1), (2, -2))]:
        with pytest.raises(InvalidArgumentError, match="moveaxis: source="):
            nx.moveaxis(nx.tensor(x), source, destination)


def test_what_python_and_numpy_ask_of_numbers(device: str) -> None:
    assert (+nx.tensor([1, -2])).tolist() == [1, -2]
    assert complex(nx.tensor(2.0)) == 2 + 0j
    assert nx.slogdet(nx.eye(2) * 2).sign.item() == 1.0
    with pytest.raises(ShapeError, match=r"vecdot: .* differ along axis -1"):
        nx.ones(3).__array_namespace__().vecdot(nx.ones(3), nx.ones(1))


def test_random_numbers_of_half_precision_are_in_their_range() -> None:
    nx.init({"device": "reference"})  # which has float16
    unit = nx.uniform((5000,), dtype=nx.float16, generator=nx.Generator(0)).numpy()
    assert unit.dtype == np.float16 and unit.min() >= 0 and unit.max() < 1
    assert abs(unit.astype(np.float64).mean() - 0.5) < 0.02
    drawn = nx.normal((5000,), dtype=nx.float16, generator=nx.Generator(0)).numpy()
    assert np.isfinite(drawn).all() and abs(drawn.astype(np.float64).std() - 1) < 0.05


@pytest.mark.parametrize("dtype", [nx.float32, nx.float64])
@pytest.mark.parametrize(
    "function", [nx.sin, nx.tan, nx.tanh, nx.atan, nx.erf, nx.log1p, nx.sqrt, nx.floor]
)
def test_zeros_keep_their_sign(device: str, function: Function, dtype: Any) -> None:
    zeros = np.array([0.0, -0.0] * 20)
    found = function(nx.tensor(zeros, dtype=dtype)).numpy()
    assert not found.any() and (np.signbit(found) == np.signbit(zeros)).all()
