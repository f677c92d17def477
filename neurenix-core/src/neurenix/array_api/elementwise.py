"""The elementwise functions of the standard: our own, and what is made of them."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype
from ..functions.arithmetic import (
    absolute,
    add,
    atan,
    atan2,
    cos,
    divide,
    equal,
    exp,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    positive,
    remainder,
    sign,
    sin,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    where,
)
from ..functions.arithmetic import floor as _floor
from ..functions.arithmetic import power as _power
from ..functions.arithmetic import round as _round
from ..functions.creation import zeros
from ..functions.elementary import (
    acos,
    acosh,
    asin,
    asinh,
    atanh,
    cosh,
    expm1,
    hypot,
    isinf,
    log2,
    log10,
    logaddexp,
    logical_xor,
    reciprocal,
    sinh,
)
from ..functions.elementary import ceil as _ceil
from ..functions.elementary import trunc as _trunc
from ..functions.operands import cast, floating, operands
from ..primitives import ops
from ..tensor import Tensor
from .kinds import broadcast_arrays

abs = absolute


def conj(x: Tensor, /) -> Tensor:
    """x: there are no complex numbers."""
    return x


def real(x: Tensor, /) -> Tensor:
    """x: there are no complex numbers."""
    return x


def imag(x: Tensor, /) -> Tensor:
    """Zeros: there are no complex numbers."""
    return zeros(x.shape, dtype=x.dtype, device=x.device)


def bitwise_and(x1: Any, x2: Any, /) -> Tensor:
    return ops.bitwise_and(*operands("bitwise_and", x1, x2))


def bitwise_or(x1: Any, x2: Any, /) -> Tensor:
    return ops.bitwise_or(*operands("bitwise_or", x1, x2))


def bitwise_xor(x1: Any, x2: Any, /) -> Tensor:
    return ops.bitwise_xor(*operands("bitwise_xor", x1, x2))


def bitwise_invert(x: Tensor, /) -> Tensor:
    return ~x


def bitwise_left_shift(x1: Any, x2: Any, /) -> Tensor:
    return ops.shift_left(*operands("bitwise_left_shift", x1, x2))


def bitwise_right_shift(x1: Any, x2: Any, /) -> Tensor:
    return ops.shift_right(*operands("bitwise_right_shift", x1, x2))


# ---- roundings: integers are what they are -------------------------------------------


def floor(x: Tensor, /) -> Tensor:
    return _floor(x) if x.dtype.is_floating else x


def ceil(x: Tensor, /) -> Tensor:
    return _ceil(x) if x.dtype.is_floating else x


def trunc(x: Tensor, /) -> Tensor:
    return _trunc(x) if x.dtype.is_floating else x


def round(x: Tensor, /) -> Tensor:
    return _round(x) if x.dtype.is_floating else x


# ---- powers and logarithms -----------------------------------------------------------


def pow(x1: Any, x2: Any, /) -> Tensor:
    """x1 to the power x2; of integers an integer, exact modulo its range."""
    return _power(*operands("pow", x1, x2))


# ---- bits of floats ------------------------------------------------------------------


def _bits(x: Tensor) -> Tensor:
    return ops.bitcast(x, dtype=as_dtype(f"int{8 * x.dtype.itemsize}"))


def signbit(x: Tensor, /) -> Tensor:
    return _bits(x) < 0


def copysign(x1: Any, x2: Any, /) -> Tensor:
    """x1 with the sign of x2, also of zeros."""
    a, b = (floating("copysign", x) for x in operands("copysign", x1, x2))
    return where(equal(signbit(a), signbit(b)), a, -a)


def nextafter(x1: Any, x2: Any, /) -> Tensor:
    """The number beside x1 on the way to x2: its bits, counted up or down by one."""
    a, b = (floating("nextafter", x) for x in operands("nextafter", x1, x2))
    a, b = broadcast_arrays(a, b)
    bits = _bits(a)
    step = where(greater(b, a) == greater(a, 0.0), bits * 0 + 1, bits * 0 - 1)
    least = ops.bitcast(bits * 0 + 1, dtype=a.dtype)
    moved = ops.bitcast(bits + step, dtype=a.dtype)
    moved = where(equal(a, 0.0), where(greater(b, 0.0), least, -least), moved)
    moved = where(equal(a, b), b, moved)
    return where(isnan(a) | isnan(b), float("nan"), moved)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max], which keep its dtype and may broadcast."""
    out = x
    if min is not None:
        out = maximum(out, min)
    if max is not None:
        out = minimum(out, max)
    return cast(out, x.dtype)


__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "real",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]
