"""Floor division of integers, eagerly and in programs, against Python's integers: over
the whole range, by negative divisors and by 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix.dtypes import Dtype
from neurenix.exporting.export import exported

DTYPES = (nx.int32, nx.uint32, nx.uint8)


def pairs(dtype: Dtype) -> tuple[Any, Any]:
    """Dividends and divisors of every size, exact multiples, and the ends in pairs."""
    kind = np.dtype(dtype.numpy)
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    ends = [low, low + 1, 0, 1, 2, 3, 6, 7, 16, high // 2 + 1, high - 1, high]
    ends += [-1, -2, -3, -16] if low else []
    first, second = [list(x) for x in zip(*[(a, b) for a in ends for b in ends])]
    rng = np.random.default_rng(0)
    for bits in range(1, kind.itemsize * 8 + 1):
        least = max(low, 1 - 2**bits)
        a = rng.integers(low, high, 40, endpoint=True).tolist()
        b = rng.integers(least, min(high, 2**bits - 1), 40, endpoint=True).tolist()
        first += a + [abs(x) // max(abs(y), 1) * y for x, y in zip(a, b, strict=True)]
        second += b + b
    return np.array(first).clip(low, high).astype(kind), np.array(second).astype(kind)


def quotient(a: int, b: int, dtype: Dtype) -> int:
    low, high = np.iinfo(dtype.numpy).min, np.iinfo(dtype.numpy).max
    if b == 0:
        return 0 if a == 0 else int(high if a > 0 else low)
    return min(a // b, int(high))


def quotients(a: Any, b: Any, dtype: Dtype) -> list[int]:
    rows = zip(a.tolist(), b.tolist(), strict=True)
    return [quotient(x, y, dtype) for x, y in rows]


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_over_the_whole_range(dtype: Dtype, device: str) -> None:
    a, b = pairs(dtype)
    x, y = (nx.tensor(v, dtype=dtype, device=device) for v in (a, b))
    expected = quotients(a, b, dtype)
    for function in (nx.floor_divide, nx.compile(lambda x, y: x // y)):
        found = function(x, y)
        assert found.dtype is dtype
        assert found.tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_by_a_number(dtype: Dtype) -> None:
    a, _ = pairs(dtype)
    numbers = [0, 1, 3, 6, 64, 255] + (
        [-1, -3, -64, -(2**31)] if dtype is nx.int32 else []
    )
    compiled = nx.compile(lambda x: [x // n for n in numbers])
    for n, found in zip(numbers, compiled(nx.tensor(a, dtype=dtype)), strict=True):
        assert found.tolist() == quotients(a, np.full_like(a, n), dtype), n


def test_of_truth_values() -> None:
    a, b = nx.tensor([False, False, True, True]), nx.tensor([False, True, False, True])
    assert (a // b).tolist() == [True, False, True, True]


@pytest.mark.parametrize("dtype", [*DTYPES, nx.bool], ids=lambda d: d.name)
def test_a_program_needs_no_float64(dtype: Dtype) -> None:
    x = nx.ones(2).to(dtype)
    program = exported(lambda x, y: x // y, (x, x)).entry_points[0].program
    used = {s.type.dtype for i in program.instructions for s in i.outputs}
    assert used <= {*DTYPES, nx.bool}
