"""Values at the ends of the dtypes, for which a primitive has one right answer: every
bit counts, the sign of zero too; only what a NaN carries does not."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..dtypes import (
    Dtype,
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

_INF, _NAN = math.inf, math.nan
_HALVES = (float16, bfloat16)
_FLOATS = (float32, float64, *_HALVES)
_INTEGERS = (int32, int64, uint8, uint32)
_BITS = {int32: 32, int64: 64, uint8: 8, uint32: 32}


@dataclass(frozen=True)
class Corner:
    """A primitive on vectors of values, each with a dtype of its own."""

    primitive: str
    dtypes: tuple[Dtype, ...]
    values: tuple[tuple[Any, ...], ...]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[Dtype, ...]:
        """What it is cast to."""
        return (self.params["dtype"],) if "dtype" in self.params else ()

    def __str__(self) -> str:
        names = ",".join(dtype.name for dtype in self.dtypes)
        to = "".join(f"-to-{target.name}" for target in self.targets)
        return f"{self.primitive}-{names}{to}"


def _least(dtype: Dtype) -> int:
    return -(2 ** (_BITS[dtype] - 1)) if dtype.kind == "int" else 0


def _most(dtype: Dtype) -> int:
    return 2 ** (_BITS[dtype] - (dtype.kind == "int")) - 1


# Halfway between two halves and just beside, their subnormals, and where they end.
_ROUNDED = (
    *(0.0, -0.0, 1.0, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-11 + 2**-23),
    *(-1 - 2**-11 - 2**-23, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-23),
    *(2**-14, 2**-14 - 2**-25, 2**-24, 2**-25, 3 * 2**-25, 2**-25 * (1 + 2**-20)),
    *(65504.0, 65519.0, 65520.0, 65536.0, 3.38e38, 3.4e38, 2**-126, 2**-133, 2**-134),
    *(3 * 2**-134, 2**-149, _INF, -_INF, _NAN),
)
# Rounded to float32 first they would lie halfway: 1 ulp of float64 beside.
_TWICE = (
    *(1 + 2**-11 + 2**-50, 1 + 3 * 2**-11 - 2**-50, -(1 + 2**-11 + 2**-50)),
    *(1 + 2**-8 + 2**-50, 1 + 3 * 2**-8 - 2**-50, 65520 - 2**-30, 2**-25 + 2**-70),
    *(1 + 2**-24, 1 + 2**-24 + 2**-52, 1e300, -1e300, 5e-324, 2**-150, 2**-150 * 1.5),
)
_WHOLE = (
    *(0, 1, 255, 256, 257, 2049, 2051, 65519, 65520, 65535, 16777217, 16777219),
    *(2**24 + 2**16, 2**24 + 2**16 + 1, 2**24 + 3 * 2**16 - 1, 2**31 - 1),
)
_LONG = (
    *(2**32 - 1, 2**32, 2**40 + 2**32 + 1, 2**53 + 1, 2**53 + 3, 2**62 + 2**38 + 1),
    *(2**63 - 1, -(2**63), -(2**53) - 1, 2**31, -(2**31), -1, -2049),
)
_ENDS = (
    *(0.0, -0.0, 0.5, -0.5, 0.99, -0.99, -1.0, 255.0, 255.5, 256.0, -256.0),
    *(2147483520.0, 2147483648.0, -2147483648.0, -2147483904.0),
    *(4294967040.0, 4294967296.0),
    *(9.2e18, 2.0**63, -(2.0**63), -1e19, 1e30, -1e30, _INF, -_INF, _NAN),
)


def _numbers(dtype: Dtype) -> tuple[int, ...]:
    return tuple(n for n in (*_WHOLE, *_LONG) if _least(dtype) <= n <= _most(dtype))


def _casts() -> list[Corner]:
    corners = []
    for target in _FLOATS:
        to = {"dtype": target}
        corners.append(Corner("cast", (float32,), (_ROUNDED,), to))
        corners.append(Corner("cast", (float64,), ((*_ROUNDED, *_TWICE),), to))
        for half in _HALVES:
            corners.append(Corner("cast", (half,), (_ROUNDED,), to))
        for whole in _INTEGERS:
            corners.append(Corner("cast", (whole,), (_numbers(whole),), to))
    for target in (*_INTEGERS, bool_):
        corners += [
            Corner("cast", (source,), (_ENDS,), {"dtype": target}) for source in _FLOATS
        ]
    for source in _INTEGERS:
        corners += [
            Corner("cast", (source,), (_numbers(source),), {"dtype": target})
            for target in (*_INTEGERS, bool_)
            if target is not source
        ]
    return corners


def _pairs(*values: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Each value with each."""
    return (
        tuple(a for a in values for _ in values),
        tuple(b for _ in values for b in values),
    )


def _whole_numbers() -> list[Corner]:
    corners = []
    for dtype in _INTEGERS:
        least, most = _least(dtype), _most(dtype)
        some = [0, 1, 3, most, most - 1, least]
        if dtype.kind == "int":
            some += [-1, -3, least + 1]
        pairs = _pairs(*dict.fromkeys(some))
        corners += [
            Corner(name, (dtype, dtype), pairs)
            for name in ("add", "sub", "mul", "remainder", "maximum", "minimum", "less")
        ]
        numbers = (tuple(some),)
        corners += [Corner(name, (dtype,), numbers) for name in ("abs", "sign")]
        if dtype.kind == "int":
            corners.append(Corner("neg", (dtype,), numbers))
        width = _BITS[dtype]
        by = [0, 1, width - 1, width, min(width + 1, most)]
        shifted = _pairs(*dict.fromkeys([*some, *by]))
        corners += [
            Corner(name, (dtype, dtype), shifted)
            for name in ("shift_left", "shift_right")
        ]
        corners.append(Corner("integer_pow", (dtype,), numbers, {"exponent": 3}))
        corners.append(
            Corner("cumsum", (dtype,), numbers, {"axis": 0, "reverse": False})
        )
        corners.append(Corner("sum", (dtype,), numbers, {"axes": (0,)}))
    return corners


def _floats() -> list[Corner]:
    corners = []
    some = (0.0, -0.0, 1.0, -1.0, 2.5, -2.5, _INF, -_INF, _NAN)
    for dtype in _FLOATS:
        binary = ("add", "sub", "mul", "div", "remainder", "maximum", "minimum")
        compare = ("equal", "not_equal", "less", "less_equal", "greater")
        corners += [
            Corner(name, (dtype, dtype), _pairs(*some)) for name in (*binary, *compare)
        ]
        corners.append(
            Corner("pow", (dtype, dtype), _pairs(*some[:4], 2.0, -2.0, 3.0, *some[6:]))
        )
        steps = (*some, 0.5, -0.5, 1.5, -1.5, 0.25, -0.25)
        corners += [
            Corner(name, (dtype,), (steps,))
            for name in ("neg", "abs", "sign", "floor", "round", "is_finite")
        ]
        exact = {
            "sqrt": (0.0, -0.0, 4.0, -1.0, _INF, _NAN),
            "rsqrt": (0.0, -0.0, 4.0, -1.0, _INF, _NAN),
            "exp": (0.0, -0.0, _INF, -_INF, 1000.0, -1000.0, _NAN),
            "log": (0.0, -0.0, 1.0, -1.0, _INF, _NAN),
            "log1p": (0.0, -0.0, -1.0, -2.0, _INF, _NAN),
            "tanh": (0.0, -0.0, _INF, -_INF, 100.0, _NAN),
            "sin": (0.0, -0.0, _INF, _NAN),
            "cos": (0.0, -0.0, _INF, _NAN),
            "tan": (0.0, -0.0, _INF, _NAN),
            "atan": (0.0, -0.0, _NAN),
            "erf": (0.0, -0.0, _INF, -_INF, 30.0, _NAN),
        }
        corners += [Corner(name, (dtype,), (x,)) for name, x in exact.items()]
        places: tuple[tuple[Any, ...], ...] = (
            (3.0, _NAN, 5.0, _NAN),
            (-0.0, 0.0, -1.0),
            (0.0, -0.0),
            (-_INF, -_INF),
            (_INF, _NAN, _INF),
        )
        for line in places:
            corners.append(Corner("argmax", (dtype,), (line,), {"axes": (0,)}))
            corners.append(Corner("max", (dtype,), (line,), {"axes": (0,)}))
            corners.append(Corner("min", (dtype,), (line,), {"axes": (0,)}))
        unsorted = (_NAN, 1.0, -0.0, 0.0, -_INF, 0.0, -0.0, _NAN, _INF, -1.0)
        corners.append(Corner("sort", (dtype,), (unsorted,), {"axis": 0}))
        for exponent in (-1, 0, 3):
            corners.append(
                Corner("integer_pow", (dtype,), (some,), {"exponent": exponent})
            )
    for half in _HALVES:
        # Each step is rounded once, from what float32 gives.
        big = (1.0, 2048.0, 65504.0, 2**-24, 6e-5, 3.0)
        corners += [
            Corner(name, (half, half), _pairs(*big)) for name in ("add", "mul", "div")
        ]
        ones = (2048.0, *[1.0] * 40, 65504.0, 65504.0, -65504.0)
        for reverse in (False, True):
            corners.append(
                Corner("cumsum", (half,), (ones,), {"axis": 0, "reverse": reverse})
            )
        corners.append(Corner("sum", (half,), (ones[:41],), {"axes": (0,)}))
    return corners


CORNERS = [*_casts(), *_whole_numbers(), *_floats()]
