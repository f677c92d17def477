"""What the functions of the library must give for known words: the table of the
self-check."""

from __future__ import annotations

import math
from typing import NamedTuple

INF, NAN, TINY = math.inf, math.nan, 1e-40  # the last is subnormal


class Case(NamedTuple):
    """A function of the library, the numbers that it is given, and what it must give.
    Floats are exact to `ulps`, where that is not 0; integers always."""

    function: str
    given: tuple[float | int, ...]
    expected: float | int
    ulps: int = 0


CASES = (
    *(
        Case("add_f", (a, b), c)
        for a, b, c in [(1.5, 2.25, 3.75), (INF, -INF, NAN), (NAN, 1.0, NAN)]
    ),
    *(
        Case("sub_f", (a, b), c)
        for a, b, c in [(1.5, 2.25, -0.75), (INF, INF, NAN), (INF, 1.0, INF)]
    ),
    *(
        Case("mul_f", (a, b), c)
        for a, b, c in [(1.5, -2.0, -3.0), (TINY, INF, INF), (0.0, INF, NAN)]
    ),
    *(
        Case("div_f", (a, b), c, 4)
        for a, b, c in [(1.0, 3.0, 1 / 3), (1.0, -0.0, -INF), (3e38, 1e38, 3.0)]
    ),
    *(
        Case("sqrt_f", (a,), b, 4)
        for a, b in [(2.0, math.sqrt(2)), (-1.0, NAN), (INF, INF), (-0.0, -0.0)]
    ),
    *(
        Case("rsqrt_f", (a,), b, 4)
        for a, b in [(2.0, 0.5**0.5), (0.0, INF), (-1.0, NAN), (INF, 0.0)]
    ),
    *(
        Case("exp_f", (a,), b, 8)
        for a, b in [(1.0, math.e), (-80.0, math.exp(-80.0)), (200.0, INF), (-INF, 0.0)]
    ),
    *(
        Case("log_f", (a,), b, 8)
        for a, b in [(10.0, math.log(10)), (0.0, -INF), (-1.0, NAN), (INF, INF)]
    ),
    *(Case("sin_f", (a,), math.sin(a), 16) for a in (0.5, -4.0, 30.0)),
    *(Case("cos_f", (a,), math.cos(a), 16) for a in (0.5, -4.0, 30.0)),
    *(Case(name, (INF,), NAN) for name in ("sin_f", "cos_f")),
    *(
        Case("pow_f", (a, b), c, 16)
        for a, b, c in [
            (2.0, 0.5, math.sqrt(2)),
            (-2.0, 3.0, -8.0),
            (-2.0, 0.5, NAN),
            (0.0, -1.0, INF),
        ]
    ),
    *(
        Case("remainder_f", (a, b), c)
        for a, b, c in [(7.5, 2.0, 1.5), (-7.5, 2.0, 0.5), (1.0, 0.0, NAN)]
    ),
    *(
        Case("floor_f", (a,), b)
        for a, b in [(1.5, 1.0), (-TINY, -1.0), (-0.0, -0.0), (NAN, NAN)]
    ),
    *(Case("round_f", (a,), b) for a, b in [(2.5, 2.0), (-0.25, -0.0), (3.5, 4.0)]),
    *(Case("sign_f", (a,), b) for a, b in [(-3.0, -1.0), (NAN, NAN), (-0.0, -0.0)]),
    *(
        Case("maximum_f", (a, b), c)
        for a, b, c in [(1.0, 2.0, 2.0), (NAN, 1.0, NAN), (1.0, NAN, NAN)]
    ),
    *(
        Case("minimum_f", (a, b), c)
        for a, b, c in [(1.0, 2.0, 1.0), (NAN, 1.0, NAN), (1.0, NAN, NAN)]
    ),
    *(Case("f_to_i", (a,), b) for a, b in [(-1.5, -1), (NAN, 0), (1e20, 2**31 - 1)]),
    *(Case("f_to_u", (a,), b) for a, b in [(1.5, 1), (-1.0, 0), (1e20, 2**32 - 1)]),
    *(Case("rem_i", (a, b), c) for a, b, c in [(-7, 3, 2), (7, -3, -2), (7, 0, 0)]),
    *(Case("rem_u", (a, b), c) for a, b, c in [(7, 3, 1), (7, 0, 0)]),
    *(Case("tan_f", (a,), math.tan(a), 16) for a in (0.5, -4.0, 30.0)),
    *(
        Case("atan_f", (a,), math.atan(a), 16)
        for a in (0.0, 0.5, -3.0, 1e30, INF, -INF)
    ),
    *(
        Case("atan2_f", (a, b), math.atan2(a, b), 16)
        for a, b in [(1.0, -2.0), (-0.0, -1.0), (0.0, 1.0), (INF, -INF), (-1.0, 0.0)]
    ),
    *(Case("tanh_f", (a,), math.tanh(a), 16) for a in (0.1, -1.0, 50.0, -INF)),
    *(Case("erf_f", (a,), math.erf(a), 16) for a in (0.1, -1.0, 9.0, INF)),
    *(Case("log1p_f", (a,), math.log1p(a), 16) for a in (1e-6, 1.0, -0.5)),
    *(Case("log1p_f", (a,), b) for a, b in [(-1.0, -INF), (-2.0, NAN), (INF, INF)]),
    *(
        Case(name, (NAN,), NAN)
        for name in ("tan_f", "atan_f", "tanh_f", "erf_f", "log1p_f", "exp_f", "log_f")
    ),
    *(
        Case("integer_pow_f", (a, b), c, 8)
        for a, b, c in [(1.5, 5, 1.5**5), (2.0, -3, 0.125), (0.0, 0, 1.0)]
    ),
    *(
        Case("half_of_float", (a,), b)
        for a, b in [(1.0, 0x3C00), (65520.0, 0x7C00), (-INF, 0xFC00), (6e-8, 1)]
    ),
    *(
        Case("float_of_half", (a,), b)
        for a, b in [(0x3C00, 1.0), (0xFC00, -INF), (1, 2.0**-24), (0x7E00, NAN)]
    ),
    *(
        Case("lt", (a, b), c)
        for a, b, c in [(1.0, 2.0, 1), (-0.0, 0.0, 0), (NAN, 1.0, 0), (TINY, 2e-40, 1)]
    ),
    *(
        Case("le", (a, b), c)
        for a, b, c in [(2.0, 1.0, 0), (0.0, -0.0, 1), (1.0, NAN, 0), (-INF, INF, 1)]
    ),
    *(
        Case("eq", (a, b), c)
        for a, b, c in [(1.0, 1.0, 1), (0.0, -0.0, 1), (NAN, NAN, 0), (TINY, 0.0, 0)]
    ),
)

# How those are called that do not take words and give one.
CALLS = {
    **{name: f"select(0u, 1u, {name}(a, b))" for name in ("lt", "le", "eq")},
    "integer_pow_f": "integer_pow_f(a, bitcast<i32>(b))",
}
