"""Cases of products, running sums, sorting, and linear algebra."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..dtypes import int32, int64, uint8, uint32
from .case import INTEGERS, Case, distinct


def _near_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.5, 1.5, shape)


def _some_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.normal(0, 1, shape) * rng.integers(0, 3, shape)


def products() -> list[Case]:
    shapes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
        ((), ()),
        ((5,), (0,)),
        ((3, 1), (1,)),
        ((3, 4), (0, 1)),
        ((2, 3, 4), (0, 2)),
        ((300, 4), (0,)),
        ((0, 3), (0,)),
        ((3, 0), (0,)),
    )
    cases = [Case("prod", (s,), {"axes": a}, make=_near_one) for s, a in shapes]
    cases += [
        Case("prod", ((6, 4),), {"axes": a}, make=_some_zero) for a in ((0,), (1,))
    ]
    whole = Case("prod", ((6, 7),), {"axes": (0,)}, INTEGERS, differentiable=False)
    return [*cases, whole]


def along_axis() -> list[Case]:
    shapes: tuple[tuple[tuple[int, ...], int], ...] = (
        ((5,), 0),
        ((3, 4), 0),
        ((3, 4), 1),
        ((2, 3, 4), 1),
        ((8, 70), 1),
        ((0, 3), 0),
        ((3, 0), 0),
    )
    integers = (int32, int64, uint8, uint32)
    cases = []
    for shape, axis in shapes:
        for reverse in (False, True):
            params = {"axis": axis, "reverse": reverse}
            cases.append(Case("cumsum", (shape,), params))
            cases.append(
                Case("cumsum", (shape,), params, integers, differentiable=False)
            )
        params = {"axis": axis}
        cases.append(Case("sort", (shape,), params, make=distinct))
        cases.append(Case("sort", (shape,), params, integers, differentiable=False))
    odd = Case("sort", ((4, 9),), {"axis": 1}, make=_with_nan, differentiable=False)
    return [*cases, odd]


def _with_nan(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0], shape)


def _definite(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    a = rng.normal(0, 1, shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def _heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Square matrices with a heavy diagonal; anything else as it comes."""
    values = rng.normal(0, 1, shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return values
    return values + shape[-1] * np.eye(shape[-1])


def _turned(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """The heavy diagonal runs the other way: each column's pivot lies elsewhere."""
    return np.flip(_heavy(rng, shape), -2)


def linear_algebra() -> list[Case]:
    squares: tuple[tuple[int, ...], ...] = (
        (1, 1),
        (3, 3),
        (2, 4, 4),
        (2, 0, 3, 3),
        (0, 0),
        (17, 17),
    )
    cases = [
        Case("cholesky", (s,), {}, make=_definite, tolerance=2e-5) for s in squares
    ]
    cases += [Case("lu", (s,), {}, make=_turned, tolerance=2e-5) for s in squares]
    names = ("lower", "transpose", "unit_diagonal")
    for flags in product((False, True), repeat=3):
        params: dict[str, Any] = dict(zip(names, flags, strict=True))
        for s, k in zip(squares[1:], (2, 1, 3, 2, 70), strict=True):
            shapes = (s, (*s[:-1], k))
            cases.append(
                Case("triangular_solve", shapes, params, make=_heavy, tolerance=2e-5)
            )
    return cases
