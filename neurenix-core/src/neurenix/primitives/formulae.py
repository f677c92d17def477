"""Decompositions of the elementwise operations: what a device without a kernel runs.

Each keeps the whole contract of its kernel (NaN, infinities, integers that wrap), and
is accurate to a few units in the last place, in float64 too. Half types go by float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import bool_
from .primitive import literal, ops
from .shorthands import in_float32, scalar_like

_INFINITY = float("inf")


def _minus_one(x: Any) -> Any:
    """-1, or what is -1 modulo 2ⁿ."""
    unsigned = x.dtype.kind == "uint"
    return literal(np.iinfo(x.dtype.numpy).max if unsigned else -1, x.dtype)


def _is_nan(x: Any) -> Any:
    return ops.not_equal(x, x)


def _is_negative(x: Any) -> Any:
    return ops.less(x, scalar_like(x, 0))


# ---- arithmetic ----------------------------------------------------------------------


def neg(x: Any) -> Any:
    return ops.mul(x, _minus_one(x))


def sub(a: Any, b: Any) -> Any:
    return ops.add(a, ops.neg(b))


def abs_(x: Any) -> Any:
    if x.dtype.kind == "uint":
        return x
    zero = scalar_like(x, 0)  # 0 - x, for -0 too
    return ops.where(ops.greater(x, zero), x, ops.sub(zero, x))


def sign(x: Any) -> Any:
    zero, one = scalar_like(x, 0), scalar_like(x, 1)
    rest = ops.sub(x, x)  # 0, or NaN
    if x.dtype.kind != "uint":
        rest = ops.where(ops.less(x, zero), _minus_one(x), rest)
    return ops.where(ops.greater(x, zero), one, rest)


def floor(x: Any) -> Any:
    """The remainder of a division by 1 is exact, or so near 1 that x less it rounds to
    the whole number; of an infinity it is NaN."""
    part = ops.remainder(x, scalar_like(x, 1))
    return ops.where(_is_nan(part), x, ops.sub(x, part))


def round_(x: Any) -> Any:
    """Halves go to the even neighbour."""
    low, half = ops.floor(x), scalar_like(x, 0.5)
    part = ops.sub(x, low)
    odd = ops.equal(ops.remainder(low, scalar_like(x, 2)), scalar_like(x, 1))
    tie = ops.bitwise_and(ops.equal(part, half), odd)
    up = ops.bitwise_or(ops.greater(part, half), tie)
    return ops.where(up, ops.add(low, scalar_like(x, 1)), low)


def _choose(compare: Any) -> Any:
    def rule(a: Any, b: Any) -> Any:
        first = compare(a, b)
        if a.dtype.is_floating:  # a NaN wins; that of b does by losing no comparison
            first = ops.bitwise_or(first, _is_nan(a))
        return ops.where(first, a, b)

    return rule


maximum = _choose(lambda a, b: ops.greater(a, b))
minimum = _choose(lambda a, b: ops.less(a, b))


def integer_pow(x: Any, exponent: int) -> Any:
    """aⁿ by squaring."""
    one = scalar_like(x, 1)
    power, square, rest = None, x, abs(exponent)
    while rest:
        if rest & 1:
            power = square if power is None else ops.mul(power, square)
        rest >>= 1
        if rest:
            square = ops.mul(square, square)
    if power is None:
        return ops.broadcast(one, shape=x.shape)
    return ops.div(one, power) if exponent < 0 else power


# ---- comparisons, logic, bits --------------------------------------------------------


def greater(a: Any, b: Any) -> Any:
    return ops.less(b, a)


def less_equal(a: Any, b: Any) -> Any:
    return ops.bitwise_or(ops.less(a, b), ops.equal(a, b))


def greater_equal(a: Any, b: Any) -> Any:
    return ops.less_equal(b, a)


def not_equal(a: Any, b: Any) -> Any:
    return ops.logical_not(ops.equal(a, b))


def logical_not(x: Any) -> Any:
    return ops.equal(x, literal(False, bool_))


def is_finite(x: Any) -> Any:
    """x - x is 0, or NaN."""
    return ops.equal(ops.sub(x, x), scalar_like(x, 0))


def bitwise_or(a: Any, b: Any) -> Any:
    if a.dtype is bool_:
        return ops.where(a, literal(True, bool_), b)
    return ops.add(a, ops.sub(b, ops.bitwise_and(a, b)))


def bitwise_xor(a: Any, b: Any) -> Any:
    if a.dtype is bool_:
        return ops.not_equal(a, b)
    both = ops.bitwise_and(a, b)
    return ops.sub(ops.sub(ops.add(a, b), both), both)


def shift_left(a: Any, b: Any) -> Any:
    """A doubling for each bit of b."""
    bits, zero = a.dtype.itemsize * 8, scalar_like(a, 0)
    result, power = a, 1
    while power < bits:
        off = ops.equal(ops.bitwise_and(b, literal(power, b.dtype)), zero)
        more = ops.mul(result, literal(2**power, a.dtype))
        result, power = ops.where(off, result, more), 2 * power
    result = ops.where(ops.less(b, literal(bits, b.dtype)), result, zero)
    if b.dtype.kind == "uint":
        return result
    return ops.where(ops.less(b, literal(0, b.dtype)), zero, result)


# ---- roots, logarithms, exponentials -------------------------------------------------


def sqrt(x: Any) -> Any:
    zero, nan = scalar_like(x, 0), scalar_like(x, float("nan"))
    root = ops.pow(x, scalar_like(x, 0.5))
    rest = ops.where(ops.equal(x, zero), x, nan)  # -0 stays -0
    return ops.where(ops.greater(x, zero), root, rest)


def rsqrt(x: Any) -> Any:
    return ops.div(scalar_like(x, 1), ops.sqrt(x))


@in_float32
def log1p(x: Any) -> Any:
    """log(u) x / (u - 1) for u = 1 + x: the second factor undoes the rounding of u
    (Goldberg 1991, "What every computer scientist should know about floating-point
    arithmetic", theorem 4)."""
    one = scalar_like(x, 1)
    u = ops.add(x, one)
    kept = ops.sub(u, one)  # of x, after rounding
    log = ops.log(u)
    corrected = ops.mul(log, ops.div(x, kept))
    tiny = ops.equal(kept, scalar_like(x, 0))
    rest = ops.where(tiny, x, corrected)
    return ops.where(ops.equal(kept, x), log, rest)


@in_float32
def tanh(x: Any) -> Any:
    """(1 - e) / (1 + e) for e = exp(-2 |x|); near 0, where that cancels, Lambert's
    continued fraction x / (1 + x² / (3 + x² / (5 + ..)))."""
    one = scalar_like(x, 1)
    square = ops.mul(x, x)
    fraction = scalar_like(x, 17)
    for n in range(15, 0, -2):
        fraction = ops.add(scalar_like(x, n), ops.div(square, fraction))
    near = ops.div(x, fraction)
    size = ops.abs(x)
    e = ops.exp(ops.mul(size, scalar_like(x, -2)))
    far = ops.div(ops.sub(one, e), ops.add(one, e))
    far = ops.where(_is_negative(x), ops.neg(far), far)
    return ops.where(ops.less(size, scalar_like(x, 0.5)), near, far)


@in_float32
def erf(x: Any) -> Any:
    """Its power series up to 1; beyond, 1 less the complement by the midpoint rule with
    the correction for its pole (Chiarella and Reichel 1968, "On the evaluation of
    integrals related to the error function"), whose error at this step is 1e-17."""
    one = scalar_like(x, 1)
    size = ops.minimum(ops.abs(x), scalar_like(x, 6))  # beyond it is 1, to the last bit
    square = ops.mul(size, size)

    terms = [(-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(20)]
    scaled = ops.mul(x, scalar_like(x, 2 / math.sqrt(math.pi)))
    near = ops.mul(scaled, _polynomial(square, terms))

    step, total = 0.5, None
    for n in range(13):
        node = ((n + 0.5) * step) ** 2
        below = ops.add(square, scalar_like(x, node))
        term = ops.div(scalar_like(x, math.exp(-node)), below)
        total = term if total is None else ops.add(total, term)
    decay = ops.exp(ops.neg(square))
    rule = ops.mul(ops.mul(ops.mul(size, decay), total), scalar_like(x, 1 / math.pi))
    pole = ops.exp(ops.mul(size, scalar_like(x, 2 * math.pi / step)))
    complement = ops.add(rule, ops.div(scalar_like(x, 2), ops.add(pole, one)))
    far = ops.sub(one, complement)
    far = ops.where(_is_negative(x), ops.neg(far), far)
    return ops.where(ops.less(size, one), near, far)


def _polynomial(x: Any, coefficients: list[float]) -> Any:
    """A polynomial by Horner's scheme, the constant term first in the list."""
    total = scalar_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = ops.add(ops.mul(total, x), scalar_like(x, c))
    return total


# ---- angles --------------------------------------------------------------------------


@in_float32
def tan(x: Any) -> Any:
    return ops.div(ops.sin(x), ops.cos(x))


def _atan_to_one(x: Any) -> Any:
    """atan of 0 .. 1. The angle is near one of 0, π/8, π/4; what is left of it is below
    π/16, where the power series is short."""
    middle = math.tan(math.pi / 8)
    lower = ops.less(x, scalar_like(x, math.tan(math.pi / 16)))
    upper = ops.greater(x, scalar_like(x, math.tan(3 * math.pi / 16)))

    def near(low: float, mid: float, high: float) -> Any:
        above = ops.where(upper, scalar_like(x, high), scalar_like(x, mid))
        return ops.where(lower, scalar_like(x, low), above)

    c = near(0.0, middle, 1.0)
    t = ops.div(ops.sub(x, c), ops.add(ops.mul(x, c), scalar_like(x, 1)))
    square = ops.mul(t, t)
    series = _polynomial(square, [(-1) ** n / (2 * n + 1) for n in range(13)])
    return ops.add(near(0.0, math.pi / 8, math.pi / 4), ops.mul(t, series))


@in_float32
def atan(x: Any) -> Any:
    one, size = scalar_like(x, 1), ops.abs(x)
    steep = ops.greater(size, one)
    angle = _atan_to_one(ops.where(steep, ops.div(one, size), size))
    angle = ops.where(steep, ops.sub(scalar_like(x, math.pi / 2), angle), angle)
    return ops.where(_is_negative(x), ops.neg(angle), angle)


@in_float32
def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y); the signs of zeros count, as in C."""
    zero = scalar_like(x, 0)
    high, wide = ops.abs(y), ops.abs(x)
    long, short = ops.maximum(high, wide), ops.minimum(high, wide)
    ratio = ops.div(short, long)
    ratio = ops.where(ops.equal(long, zero), zero, ratio)
    diagonal = ops.equal(short, scalar_like(x, _INFINITY))
    angle = _atan_to_one(ops.where(diagonal, scalar_like(x, 1), ratio))
    steep = ops.greater(high, wide)
    angle = ops.where(steep, ops.sub(scalar_like(x, math.pi / 2), angle), angle)
    behind = ops.sub(scalar_like(x, math.pi), angle)
    angle = ops.where(_has_minus(x), behind, angle)
    return ops.where(_has_minus(y), ops.neg(angle), angle)


def _has_minus(x: Any) -> Any:
    """Whether x is negative, or -0, whose reciprocal is."""
    zero = scalar_like(x, 0)
    shown = ops.where(ops.equal(x, zero), ops.div(scalar_like(x, 1), x), x)
    return ops.less(shown, zero)
