"""The array API standard, name by name, against NumPy's namespace, which follows it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import array_api as xp
from neurenix.array_api import standard
from neurenix.errors import DtypeError, InvalidArgumentError

if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    pytest.skip(
        "NumPy before 2.1 does not follow the standard", allow_module_level=True
    )

ROOT = Path(__file__).parents[2]
LINALG = "Extension linalg"
ALL_NAMES = [
    n for k, names in standard.NAMES.items() if k != LINALG for n in names.split()
]
PRESENT = [n for n in ALL_NAMES if n not in standard.ABSENT]

ODD = (float("nan"), float("inf"), -float("inf"))
FLOATS = np.array(
    [-3.5, -2.5, -1.0, -0.7, -0.0, 0.0, 1e-4, 0.3, 0.5, 1.0, 1.5, 2.5, 80.0, *ODD]
)
INTEGERS = np.array([-7, -2, -1, 0, 1, 2, 3, 5], np.int32)
NUMERIC = (
    *("abs", "negative", "positive", "sign", "square"),
    *("floor", "ceil", "round", "trunc"),
)
FLOATING = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp"),
    *("expm1", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2"),
    *("reciprocal", "signbit", "sin", "sinh", "sqrt", "tan", "tanh"),
)
ORDINARY = (
    *("add", "equal", "floor_divide", "greater", "less", "maximum", "minimum"),
    *("multiply", "not_equal", "pow", "remainder", "subtract"),
)
BINARY = (
    *(*ORDINARY, "divide", "atan2", "copysign", "greater_equal", "hypot"),
    *("less_equal", "logaddexp"),
)
INTEGER_BINARY = (*ORDINARY, "bitwise_and", "bitwise_or", "bitwise_xor")
STATISTICS = (
    *("max", "mean", "min", "prod", "std", "sum", "var"),
    *("argmax", "argmin", "count_nonzero"),
)


def compare(found: Any, expected: Any, bound: float = 1e-12) -> None:
    given = np.asarray(found)
    assert given.shape == np.shape(expected)
    assert np.allclose(given, expected, rtol=bound, atol=bound, equal_nan=True), (
        given,
        expected,
    )


def both(name: str, *args: Any, bound: float = 1e-12, **options: Any) -> None:
    """Call `name` on both sides; arrays go over with their dtype."""

    def ours(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            return xp.asarray(x)
        return [ours(v) for v in x] if isinstance(x, list) else x

    mine = {k: ours(v) for k, v in options.items()}
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(*args, **options)
        found = getattr(xp, name)(*[ours(a) for a in args], **mine)
    if isinstance(expected, (list, tuple)):
        for f, e in zip(found, expected, strict=True):
            compare(f, e, bound)
    else:
        compare(found, expected, bound)


def test_the_list_is_the_namespace() -> None:
    assert len(ALL_NAMES) - len(set(ALL_NAMES)) == 0
    missing = [n for n in PRESENT if not hasattr(xp, n)]
    assert not missing
    assert not [n for n in standard.ABSENT if n in xp.__all__]
    assert set(xp.__all__) - {"__array_api_version__"} == set(PRESENT)
    extension = {n for n in standard.NAMES[LINALG].split() if n not in standard.ABSENT}
    assert set(xp.linalg.__all__) == extension
    assert all(hasattr(xp.linalg, n) for n in extension)


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs/array-api.md").read_text("utf-8")
    assert page == standard.page(), "run python docs/make_array_api.py"


def test_namespace(device: str) -> None:
    x = nx.ones(3)
    assert x.__array_namespace__() is xp
    assert x.__array_namespace__(api_version="2024.12") is xp
    with pytest.raises(InvalidArgumentError, match=r"there is 2024\.12"):
        x.__array_namespace__(api_version="1999.12")
    info = xp.__array_namespace_info__()
    assert info.capabilities()["max dimensions"] == 8
    assert info.default_device() is xp.ones(1).device
    assert info.default_device() in info.devices()
    for where in info.devices():
        assert xp.ones(1, device=where).device == where
    assert info.default_dtypes()["real floating"] is nx.float32
    assert "float64" in info.dtypes(kind="real floating")
    assert "int32" not in info.dtypes(kind="real floating")
    assert x.to_device("reference").device == nx.Device(nx.DeviceType("reference"))
    assert nx.ones(2, 3, 4).mT.shape == (2, 4, 3)


def test_signatures_have_the_standard_names() -> None:
    """The parameters that may be named are those that NumPy names."""
    names = ("sum", "prod", "var", "std", "concat", "roll", "diff", "astype")
    for name in (*names, "cumulative_sum", "cumulative_prod"):
        theirs = inspect.signature(getattr(np, name)).parameters
        for parameter in inspect.signature(getattr(xp, name)).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                known = {*theirs, "correction", "device", "sorter", "copy", "k"}
                assert parameter.name in known, (name, parameter.name)


@pytest.mark.parametrize("name", [*NUMERIC, *FLOATING])
def test_unary(device: str, name: str) -> None:
    both(name, FLOATS)
    both(name, FLOATS.astype(np.float32), bound=3e-6)
    both(name, np.array(0.25))
    both(name, np.zeros((0, 3)))


@pytest.mark.parametrize("name", NUMERIC)
def test_unary_of_integers(device: str, name: str) -> None:
    both(name, INTEGERS)
    assert getattr(xp, name)(xp.asarray(INTEGERS)).dtype is nx.int32


@pytest.mark.parametrize("name", BINARY)
def test_binary(device: str, name: str) -> None:
    a, b = FLOATS[:, None], FLOATS[None, :]
    if name in ("floor_divide", "remainder"):
        a, b = a[:13], b[:, np.isfinite(b[0]) & (b[0] != 0)]
    if name == "floor_divide":  # whose quotients, not quite whole, go either way
        a, b = a[np.abs(a[:, 0] * 2) % 1 == 0], b[:, np.abs(b[0] * 2) % 1 == 0]
    both(name, a, b)
    both(name, a.astype(np.float32), b.astype(np.float32), bound=3e-6)


def test_nextafter_and_signs(device: str) -> None:
    for kind in (np.float32, np.float64):
        a = FLOATS.astype(kind)
        expected = np.nextafter(a[:, None], a[None, :])
        found = xp.nextafter(xp.asarray(a[:, None]), xp.asarray(a[None, :])).numpy()
        assert np.array_equal(found, expected, equal_nan=True)
        signed = xp.copysign(xp.asarray(np.array([1.0, 0.0], kind)), -0.0).numpy()
        assert np.signbit(signed).all()


@pytest.mark.parametrize("name", INTEGER_BINARY)
def test_binary_of_integers(device: str, name: str) -> None:
    a = INTEGERS
    b = a[a > 0] if name in ("pow", "remainder", "floor_divide") else a
    both(name, a[:, None], b[None, :])


def test_bits_and_logic(device: str) -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    for name in ("logical_and", "logical_or", "logical_xor", "bitwise_xor"):
        both(name, a, b)
    both("logical_not", a)
    i = np.arange(8, dtype=np.uint32)
    both("bitwise_invert", i)
    both("bitwise_left_shift", i, i)
    both("bitwise_right_shift", i * 100, i)
    j = np.array([-9, 5, 1000], np.int32)
    both("bitwise_left_shift", j, np.array([1, 2, 3], np.int32))
    both("bitwise_right_shift", j, np.array([1, 2, 3], np.int32))


def test_clip_and_where(device: str) -> None:
    x = np.arange(6.0).reshape(2, 3)
    both("clip", x, 1.0, 4.0)
    both("clip", x, np.array([1.0, 2.0, 3.0]), None)
    both("clip", x)
    both("where", x > 2, x, np.zeros(3))


def test_creation(device: str) -> None:
    both("arange", 5)
    both("arange", 1, 9, 3)
    both("linspace", 0.0, 1.0, 5, endpoint=False, bound=1e-6)
    both("eye", 3, 4, k=-1)
    for name in ("zeros", "ones"):
        both(name, (2, 3))
        both(f"{name}_like", np.zeros((2, 0), np.int32))
    assert xp.full(3, 2).dtype is nx.int32 and xp.full((), True).dtype is nx.bool
    assert xp.full((2,), 0.5).tolist() == [0.5, 0.5]
    assert xp.full_like(nx.ones(2), 3).tolist() == [3, 3]
    assert xp.empty((2, 3)).shape == (2, 3) == xp.empty_like(nx.ones(2, 3)).shape
    both("tril", np.ones((3, 3)), k=1)
    both("triu", np.ones((3, 3)), k=1)
    both("meshgrid", np.arange(2.0), np.arange(3.0), indexing="ij")
    x = xp.asarray(np.arange(3.0))
    assert x.dtype is nx.float64 and xp.asarray([1.0]).dtype is nx.float32
    assert xp.asarray(x) is x
    copied = xp.asarray(x, copy=True)
    copied[0] = 9.0
    assert x.tolist() == [0, 1, 2]
    assert xp.asarray(x, dtype=xp.int32).dtype is nx.int32


def test_dtypes() -> None:
    assert xp.finfo(nx.float32).eps == np.finfo(np.float32).eps
    assert xp.finfo(nx.ones(1)).bits == 32
    assert xp.iinfo(nx.int32).max == 2**31 - 1
    with pytest.raises(DtypeError, match="see iinfo"):
        xp.finfo(nx.int32)
    with pytest.raises(DtypeError, match="see finfo"):
        xp.iinfo(nx.float32)
    assert xp.isdtype(nx.uint8, "unsigned integer")
    assert xp.isdtype(nx.uint8, ("bool", "integral"))
    assert not xp.isdtype(nx.bool, "numeric")
    assert not xp.isdtype(nx.float32, "complex floating")
    with pytest.raises(InvalidArgumentError, match="kind='real'"):
        xp.isdtype(nx.float32, "real")
    assert xp.result_type(nx.float32, nx.float64, 1.0) is nx.float64
    assert xp.result_type(nx.ones(1), 2) is nx.float32
    assert xp.can_cast(nx.uint8, nx.int32) and not xp.can_cast(nx.float64, nx.float32)
    assert xp.astype(nx.ones(2), nx.int64).dtype is nx.int64


def test_shapes(device: str) -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    both("broadcast_arrays", np.ones((3, 1)), np.ones(4))
    both("broadcast_to", np.ones(4), (3, 4))
    both("concat", [x, x], axis=1)
    both("concat", [x, np.ones(2)], axis=None)
    both("expand_dims", x, axis=1)
    both("flip", x)
    both("flip", x, axis=1)
    both("matrix_transpose", x)
    both("moveaxis", x, 0, -1)
    both("permute_dims", x, (2, 0, 1))
    both("repeat", x, 2, axis=1)
    both("repeat", x, np.array([1, 0, 2]), axis=1)
    both("reshape", x, (4, -1))
    both("roll", x, 2)
    both("roll", x, (1, 2), axis=(0, 2))
    both("squeeze", x[:1], axis=0)
    both("stack", [x, x], axis=-1)
    both("tile", x, (2, 1))
    both("unstack", x, axis=1)
    both("take", x, np.array([2, 0]), axis=1)
    both("take_along_axis", x, np.argsort(-x, axis=1).astype(np.int32), axis=1)
    for name in ("sort", "argsort"):
        both(name, x, axis=0)
        both(name, x)


def test_statistics_and_searching(device: str) -> None:
    x = np.random.default_rng(0).normal(0, 1, (3, 5, 2))
    for name in STATISTICS:
        both(name, x)
        both(name, x, axis=1, keepdims=True)
    for name in ("sum", "prod", "mean", "var", "any", "all"):
        both(name, np.abs(x) > 0.5 if name in ("any", "all") else x, axis=(0, 2))
    both("var", x, axis=0, correction=1.0)
    both("std", x, axis=0, correction=1.0)
    both("sum", np.zeros((0, 2)), axis=0)
    both("prod", np.zeros((0, 2)), axis=0)
    assert xp.sum(xp.full(300, 1, dtype=nx.uint8)).item() == 300
    assert xp.sum(xp.asarray([1, 2]), dtype=nx.float64).dtype is nx.float64
    for name in ("cumulative_sum", "cumulative_prod"):
        both(name, x, axis=1)
        both(name, x, axis=-1, include_initial=True)
        both(name, np.arange(1, 6, dtype=np.int32))
    both("diff", x, axis=1, n=2)
    both("diff", x, axis=0, prepend=x[:1], append=x[:2])
    row = np.array([1.0, 2.0, 2.0, 5.0])
    for side in ("left", "right"):
        both("searchsorted", row, np.array([[0.0, 2.0], [3.0, 9.0]]), side=side)


def test_products(device: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (2, 3, 4)), rng.normal(0, 1, (4, 5))
    both("matmul", a, b)
    both("tensordot", a, b, axes=1)
    both("vecdot", a, a[:1])
    both("vecdot", a, a, axis=1)


def test_code_that_is_written_to_the_standard(device: str) -> None:
    def standardised(x: Any) -> Any:
        xp = x.__array_namespace__()
        centred = x - xp.mean(x, axis=0, keepdims=True)
        return centred / xp.std(x, axis=0, correction=1.0, keepdims=True)

    x = np.random.default_rng(0).normal(3, 2, (20, 3))
    compare(standardised(xp.asarray(x)), standardised(x))
    gradient = nx.grad(lambda x: (standardised(x) ** 3).sum())(xp.asarray(x))
    assert gradient.shape == x.shape and np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("axis", [-5, -4, -1, 0, 3, 4])
def test_expand_dims_refuses_a_place_that_is_none(axis: int) -> None:
    x = xp.ones((2, 3, 4))
    if -4 <= axis <= 3:
        assert xp.expand_dims(x, axis=axis).shape == np.expand_dims(x, axis).shape
    else:
        with pytest.raises(IndexError, match=f"axis {axis} of a tensor of rank 3"):
            xp.expand_dims(x, axis=axis)


def test_what_is_empty_can_be_shared_without_a_copy() -> None:
    xp.ones((0,)).__dlpack__(copy=False, max_version=(1, 0))
