"""What public functions cannot work with, as test_bad_input tries it: the kinds that
many share, and the table of the functions that are made of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import neurenix as nx
from neurenix.errors import (
    CaptureError,
    DeviceError,
    DtypeError,
    InvalidArgumentError,
    NeurenixError,
    ShapeError,
)

# How the function is called, the error, and what its text must hold.
Case = tuple[Callable[[Any], Any], type[NeurenixError], str]

RAGGED = [[1.0], [1.0, 2.0]]
NAN = float("nan")


def x(*shape: int) -> nx.Tensor:
    return nx.ones(*(shape or (2, 3)))


def whole(*shape: int) -> nx.Tensor:
    return nx.zeros(*(shape or (2, 3)), dtype=nx.int32)


NO_NUMBERS: list[Case] = [
    (lambda f: f("abc"), DtypeError, "'abc'"),
    (lambda f: f(RAGGED), ShapeError, "[[1.0], [1.0, 2.0]]"),
    (lambda f: f({"a": 1}), DtypeError, "{'a': 1}"),
    (lambda f: f(None), DtypeError, "None"),
]
TWO: list[Case] = [
    (lambda f: f(x(2, 3), x(4)), ShapeError, "(2, 3) and (4,)"),
    (lambda f: f(x(), "abc"), DtypeError, "'abc'"),
    (lambda f: f(RAGGED, x()), ShapeError, "[[1.0], [1.0, 2.0]]"),
]
OF_A_DEVICE: list[Case] = [
    (lambda f: f(5), InvalidArgumentError, "5"),
    (lambda f: f("no_such"), DeviceError, "'no_such'"),
    (lambda f: f("reference:7"), DeviceError, "reference:7"),
]
OVER_AXES: list[Case] = [
    *NO_NUMBERS,
    (lambda f: f(x(), axis=2), InvalidArgumentError, "axis 2"),
    (lambda f: f(x(), dim=-3), InvalidArgumentError, "axis -3"),
    (lambda f: f(x(), axis=(0, -2)), InvalidArgumentError, "(0, -2)"),
    (lambda f: f(x(), axis=1.0), InvalidArgumentError, "1.0"),
    (lambda f: f(x(), axis="rows"), InvalidArgumentError, "'rows'"),
    (lambda f: f(x(), axis=0, dim=1), InvalidArgumentError, "dim and axis"),
]
ALONG_AXIS: list[Case] = [c for c in OVER_AXES if c[2] != "(0, -2)"]
NO_FUNCTION: list[Case] = [(lambda f: f(5), InvalidArgumentError, "5")]


def each(names: str, cases: list[Case]) -> dict[str, list[Case]]:
    return dict.fromkeys(names.split(), cases)


MORE: dict[str, list[Case]] = {
    **each(
        "acos acosh asin asinh atanh ceil cosh exp2 expm1 isinf log2 log10 "
        "reciprocal sinh trunc asarray",
        NO_NUMBERS,
    ),
    **each("hypot logaddexp", TWO),
    "median": OVER_AXES,
    **each("cumprod diff", ALONG_AXIS),
    "logical_xor": [
        *TWO[1:],
        (lambda f: f(x(2) > 0, x(3) > 0), ShapeError, "(2,) and (3,)"),
        (lambda f: f(x(), x()), DtypeError, "float32"),
    ],
    "clamp": [
        *NO_NUMBERS,
        (lambda f: f(x(), min="a"), DtypeError, "'a'"),
        (lambda f: f(x(2), max=x(3)), ShapeError, "(3,)"),
    ],
    "lerp": [(lambda f: f(x(2), x(3), 0.5), ShapeError, "(3,)")],
    "array_equal": [
        (lambda f: f(x(), "abc"), DtypeError, "'abc'"),
        (lambda f: f(RAGGED, x()), ShapeError, "[[1.0], [1.0, 2.0]]"),
    ],
    "quantile": [
        (lambda f: f(x(), 1.5), InvalidArgumentError, "q=1.5"),
        (lambda f: f(x(), [0.5, NAN]), InvalidArgumentError, "nan"),
        (lambda f: f(x(), "a"), DtypeError, "'a'"),
        (lambda f: f(x(), 0.5, axis=2), InvalidArgumentError, "axis 2"),
        (lambda f: f("abc", 0.5), DtypeError, "'abc'"),
    ],
    "searchsorted": [
        (lambda f: f(x(), x()), ShapeError, "(2, 3)"),
        (lambda f: f(x(3), x(), "middle"), InvalidArgumentError, "'middle'"),
        (lambda f: f("abc", x()), DtypeError, "'abc'"),
    ],
    "nonzero": [
        *NO_NUMBERS,
        (lambda f: f(nx.tensor(1.0)), ShapeError, "rank 0"),
        (lambda f: nx.compile(lambda v: f(v)[0])(x()), CaptureError, "nx.where"),
    ],
    "unique": [
        *NO_NUMBERS,
        (lambda f: nx.compile(f)(x()), CaptureError, "outside"),
    ],
    "index_add": [
        (lambda f: f(x(3), [0], x(2)), ShapeError, "(2,)"),
        (lambda f: f(x(3), [3], x(1)), InvalidArgumentError, "index 3"),
        (lambda f: f(x(3), [0.5], x(1)), DtypeError, "float"),
        (lambda f: f(x(3), [0], x(1), axis=1), InvalidArgumentError, "axis 1"),
    ],
    "chunk": [
        (lambda f: f(x(), 0), InvalidArgumentError, "chunks=0"),
        (lambda f: f(x(), 1, 5), InvalidArgumentError, "axis 5"),
        (lambda f: f("abc", 1), DtypeError, "'abc'"),
    ],
    "unflatten": [
        (lambda f: f(x(), 1, (2, 2)), ShapeError, "(2, 2, 2)"),
        (lambda f: f(x(), 5, (1, 3)), InvalidArgumentError, "axis 5"),
        (lambda f: f(x(), 1, 3), InvalidArgumentError, "shape=3"),
        (lambda f: f("abc", 0, (1,)), DtypeError, "'abc'"),
    ],
    "randint": [
        (lambda f: f(0), InvalidArgumentError, "high=0"),
        (lambda f: f(3, 3), InvalidArgumentError, "low=3"),
        (lambda f: f(0, 2**32), InvalidArgumentError, "4294967296"),
        (lambda f: f(0, 2.5), InvalidArgumentError, "2.5"),
        (lambda f: f(3, (2,)), InvalidArgumentError, "(2,)"),
        (lambda f: f(0, 3, (2, -1)), InvalidArgumentError, "-1"),
        (lambda f: f(0, 3, 2, generator=5), InvalidArgumentError, "5"),
    ],
    "randperm": [
        (lambda f: f(-1), InvalidArgumentError, "-1"),
        (lambda f: f(2.5), InvalidArgumentError, "2.5"),
    ],
    "permutation": [
        (lambda f: f(x(), 5), InvalidArgumentError, "axis 5"),
        (lambda f: f("abc"), DtypeError, "'abc'"),
    ],
    "bernoulli": [
        (lambda f: f(1.5, 2), InvalidArgumentError, "1.5"),
        (lambda f: f(0.5, (2, -1)), InvalidArgumentError, "-1"),
    ],
    "categorical": [
        (lambda f: f(nx.tensor(1.0)), ShapeError, "()"),
        (lambda f: f(nx.ones(2, 0)), ShapeError, "(2, 0)"),
        (lambda f: f(x(), (-1,)), InvalidArgumentError, "-1"),
        (lambda f: f("abc"), DtypeError, "'abc'"),
    ],
    "hessian": [
        *NO_FUNCTION,
        (lambda f: f(lambda v: v * v)(x()), ShapeError, "float32[2, 3]"),
    ],
    "memory_stats": OF_A_DEVICE,
    "synchronize": OF_A_DEVICE,
}
