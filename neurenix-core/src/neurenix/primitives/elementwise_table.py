"""The elementwise operations: a row for what each computes, a row for its derivative.

A partial is (cotangent, output, *inputs) -> cotangent of that input. Decompositions are
in `formulae`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import bool_
from . import formulae as f
from .elementwise import Partial, elementwise
from .primitive import InBasis, Value, ops
from .shorthands import scalar_like


def times(x: Value, factor: float) -> Any:
    return ops.mul(x, scalar_like(x, factor))


def _plus(x: Value, term: float) -> Any:
    return ops.add(x, scalar_like(x, term))


def _square(x: Value) -> Any:
    return ops.mul(x, x)


def _cube(x: Value) -> Any:
    return ops.integer_pow(x, exponent=3)


def _one_minus(x: Value) -> Any:
    return ops.sub(scalar_like(x, 1), x)


_ERF_AT_0 = 2 / math.sqrt(math.pi)  # its slope there


def _gauss(x: Value) -> Any:
    return ops.exp(ops.neg(_square(x)))


def _zero(x: Value) -> Any:
    return scalar_like(x, 0)


def _safe_log(a: Value) -> Any:
    """log(a); 0 where a is not positive, and the power has no slope in its exponent."""
    positive = ops.greater(a, _zero(a))
    return ops.log(ops.where(positive, a, scalar_like(a, 1)))


def _power_slope(a: Value, b: Value) -> Any:
    return ops.mul(b, ops.pow(a, _plus(b, -1)))


def _quotient(a: Value, b: Value) -> Any:
    return ops.floor(ops.div(a, b))


def _winner(g: Any, a: Any, b: Any) -> Any:
    """g where a > b, half of it where they are equal."""
    half = ops.where(ops.equal(a, b), times(g, 0.5), _zero(g))
    return ops.where(ops.greater(a, b), g, half)


def _over_squares(g: Any, x: Any, a: Any, b: Any) -> Any:
    return ops.div(ops.mul(g, x), ops.add(_square(a), _square(b)))


def _from(saves: str, *partials: Partial) -> tuple[str, tuple[Partial, ...]]:
    """A partial for each input, and what they read: "i" inputs, "o" the output."""
    return saves, partials


# fmt: off
_DERIVATIVES = {
    "neg":       _from("", lambda g, o, a: ops.neg(g)),
    "abs":       _from("i", lambda g, o, a: ops.mul(g, ops.sign(a))),
    "sign":      _from("", None),
    "floor":     _from("", None),
    "round":     _from("", None),
    "exp":       _from("o", lambda g, o, a: ops.mul(g, o)),
    "log":       _from("i", lambda g, o, a: ops.div(g, a)),
    "log1p":     _from("i", lambda g, o, a: ops.div(g, _plus(a, 1))),
    "sin":       _from("i", lambda g, o, a: ops.mul(g, ops.cos(a))),
    "cos":       _from("i", lambda g, o, a: ops.neg(ops.mul(g, ops.sin(a)))),
    "tan":       _from("o", lambda g, o, a: ops.mul(g, _plus(_square(o), 1))),
    "atan":      _from("i", lambda g, o, a: ops.div(g, _plus(_square(a), 1))),
    "tanh":      _from("o", lambda g, o, a: ops.mul(g, _one_minus(_square(o)))),
    "sqrt":      _from("o", lambda g, o, a: ops.div(times(g, 0.5), o)),
    "rsqrt":     _from("o", lambda g, o, a: ops.mul(times(g, -0.5), _cube(o))),
    "erf":       _from("i", lambda g, o, a: ops.mul(times(g, _ERF_AT_0), _gauss(a))),
    "add":       _from("", lambda g, o, a, b: g, lambda g, o, a, b: g),
    "sub":       _from("", lambda g, o, a, b: g, lambda g, o, a, b: ops.neg(g)),
    "mul":       _from("i", lambda g, o, a, b: ops.mul(g, b),
                            lambda g, o, a, b: ops.mul(g, a)),
    "div":       _from("io", lambda g, o, a, b: ops.div(g, b),
                             lambda g, o, a, b: ops.neg(ops.div(ops.mul(g, o), b))),
    "remainder": _from("i", lambda g, o, a, b: g,
                            lambda g, o, a, b: ops.neg(ops.mul(g, _quotient(a, b)))),
    "pow":       _from("io", lambda g, o, a, b: ops.mul(g, _power_slope(a, b)),
                             lambda g, o, a, b: ops.mul(ops.mul(g, o), _safe_log(a))),
    "maximum":   _from("i", lambda g, o, a, b: _winner(g, a, b),
                            lambda g, o, a, b: _winner(g, b, a)),
    "minimum":   _from("i", lambda g, o, a, b: _winner(g, b, a),
                            lambda g, o, a, b: _winner(g, a, b)),
    "atan2":     _from("i", lambda g, o, a, b: _over_squares(g, b, a, b),
                            lambda g, o, a, b: ops.neg(_over_squares(g, a, a, b))),
    "where":     _from("i", None,
                            lambda g, o, c, a, b: ops.where(c, g, _zero(g)),
                            lambda g, o, c, a, b: ops.where(c, _zero(g), g)),
}
# fmt: on


def _shift(shift: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(a: Any, b: Any) -> Any:
        bits = a.dtype.itemsize * 8
        return np.where((b >= 0) & (b < bits), shift(a, np.clip(b, 0, bits - 1)), 0)

    return kernel


# ---- what they compute ---------------------------------------------------------------

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _rsqrt(a: Any) -> Any:
    return 1 / np.sqrt(a)


_NUMBER = "float int uint"
_ANY = "float int uint bool"
_BITS = "int uint bool"
_MADE = InBasis("the others are made of it")
_ARITHMETIC = InBasis("arithmetic")
_COS = InBasis(
    "by sin alone it loses its digits near its zeros, and tan near its poles"
)
_REMAINDER = InBasis(
    "by div it is exact for no large quotient, and integers have no div"
)
_POW = InBasis("by exp and log it loses digits where the power is large")
_EQUAL = InBasis("less cannot see that NaN is unlike itself")
_LESS = InBasis("the other comparisons are made of it")
_AND = InBasis("the other bitwise operations are made of it")
_SHIFT = InBasis("integers have no division")
_WHERE = InBasis("choices are made of it")


def _define(
    name: str,
    opcode: int,
    kernel: Callable[..., Any],
    decomposition: Callable[..., Any] | InBasis,
    kinds: str = "float",
    cost: float = 1.0,
    **rest: Any,
) -> None:
    saves, partials = _DERIVATIVES.get(name, ("", ()))
    elementwise(
        name,
        opcode,
        kernel,
        *partials,
        saves=saves,
        decomposition=decomposition,
        kinds=kinds,
        cost=cost,
        **rest,
    )


def _compare(
    name: str, opcode: int, kernel: Any, decomposition: Callable[..., Any] | InBasis
) -> None:
    _define(name, opcode, kernel, decomposition, _ANY, result=bool_, mask=True)


_define("neg", 1, np.negative, f.neg, _NUMBER)
_define("abs", 2, np.abs, f.abs_, _NUMBER)
_define("sign", 3, np.sign, f.sign, _NUMBER)
_define("floor", 4, np.floor, f.floor)
_define("round", 5, np.rint, f.round_)
_define("exp", 6, np.exp, _MADE, cost=12)
_define("log", 7, np.log, _MADE, cost=12)
_define("log1p", 8, np.log1p, f.log1p, cost=12)
_define("sin", 9, np.sin, _MADE, cost=12)
_define("cos", 10, np.cos, _COS, cost=12)
_define("tan", 11, np.tan, f.tan, cost=12)
_define("atan", 12, np.arctan, f.atan, cost=12)
_define("tanh", 13, np.tanh, f.tanh, cost=12)
_define("sqrt", 14, np.sqrt, f.sqrt, cost=3)
_define("rsqrt", 15, _rsqrt, f.rsqrt, cost=3)
_define("erf", 16, _erf, f.erf, cost=12)
_define("is_finite", 17, np.isfinite, f.is_finite, _NUMBER, result=bool_)
_define("logical_not", 18, np.logical_not, f.logical_not, "bool")

_define("add", 30, np.add, _ARITHMETIC, _NUMBER)
_define("sub", 31, np.subtract, f.sub, _NUMBER)
_define("mul", 32, np.multiply, _ARITHMETIC, _NUMBER)
_define("div", 33, np.divide, _ARITHMETIC, cost=3)
_define("remainder", 34, np.remainder, _REMAINDER, _NUMBER, cost=12)
_define("pow", 35, np.power, _POW, cost=12)
_define("maximum", 36, np.maximum, f.maximum, _NUMBER)
_define("minimum", 37, np.minimum, f.minimum, _NUMBER)
_define("atan2", 38, np.arctan2, f.atan2, cost=12)

_compare("equal", 40, np.equal, _EQUAL)
_compare("not_equal", 41, np.not_equal, f.not_equal)
_compare("less", 42, np.less, _LESS)
_compare("less_equal", 43, np.less_equal, f.less_equal)
_compare("greater", 44, np.greater, f.greater)
_compare("greater_equal", 45, np.greater_equal, f.greater_equal)

_define("bitwise_and", 50, np.bitwise_and, _AND, _BITS)
_define("bitwise_or", 51, np.bitwise_or, f.bitwise_or, _BITS)
_define("bitwise_xor", 52, np.bitwise_xor, f.bitwise_xor, _BITS)
_define("shift_left", 53, _shift(np.left_shift), f.shift_left, "int uint")
_define("shift_right", 54, _shift(np.right_shift), _SHIFT, "int uint")
_define("where", 60, np.where, _WHERE, _ANY, free_dtype=1)
