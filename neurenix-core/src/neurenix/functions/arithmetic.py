"""Elementwise functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import Dtype, bfloat16, bool_, float64
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from .integer_division import floats_divide, floor_quotient
from .operands import as_tensor, cast, floating, operands


def add(a: Any, b: Any) -> Tensor:
    return ops.add(*operands("add", a, b))


def subtract(a: Any, b: Any) -> Tensor:
    return ops.sub(*operands("subtract", a, b))


def multiply(a: Any, b: Any) -> Tensor:
    return ops.mul(*operands("multiply", a, b))


def divide(a: Any, b: Any) -> Tensor:
    """True division; integers become float32."""
    x, y = operands("divide", a, b)
    return ops.div(floating("divide", x), floating("divide", y))


def remainder(a: Any, b: Any) -> Tensor:
    """a − b·⌊a / b⌋: it has the sign of b."""
    return ops.remainder(*operands("remainder", a, b))


def floor_divide(a: Any, b: Any) -> Tensor:
    """⌊a / b⌋. Integers by 0 give the end of their range on a's side.

    >>> import neurenix as nx
    >>> (nx.tensor([-7, 7]) // 2).tolist()
    [-4, 3]
    """
    x, y = operands("floor_divide", a, b)
    if x.dtype.is_floating:
        return ops.floor(ops.div(x, y))
    if x.dtype is bool_:  # by False: True
        return logical_or(x, logical_not(y))
    if x.dtype.itemsize < 8 and not floats_divide(x, y):
        return floor_quotient(x, y, b if type(b) is int else None)
    quotient = _rounded_quotient(x, y)
    if x.dtype.itemsize < 8:
        return quotient
    # A float64 holds 53 of the 64 bits: the remainder is divided once more.
    rest = subtract(x, multiply(quotient, y))
    return add(quotient, _rounded_quotient(rest, y))


def _rounded_quotient(x: Tensor, y: Tensor) -> Tensor:
    """⌊x / y⌋ of integers in float64: exact for 32 bits."""
    wide = [cast(v, float64) for v in (x, y)]
    return cast(ops.floor(ops.div(*wide)), x.dtype)


def power(a: Any, b: Any) -> Tensor:
    """a to the power b. A whole-number exponent is exact, also for negative a. Integers
    make integers, modulo their range; a negative exponent within a tensor of integers
    makes 0, unless a is 1 or -1.

    >>> import neurenix as nx
    >>> nx.power(nx.tensor(-2.0), 3).item()
    -8.0
    """
    exponent = _small_whole(b)
    if exponent is not None:
        x = as_tensor(a)
        return ops.integer_pow(
            x if exponent >= 0 else floating("power", x), exponent=exponent
        )
    if isinstance(b, float) and b == 0.5:
        return ops.sqrt(floating("power", a))
    x, y = operands("power", a, b)
    if x.dtype.kind in ("int", "uint"):
        return _integer_power(x, y)
    return ops.pow(floating("power", x), floating("power", y))


def _integer_power(a: Tensor, b: Tensor) -> Tensor:
    """Integer power by squaring: the bits of b choose among a¹, a², a⁴, ...."""
    bits = 8 * b.dtype.itemsize - (b.dtype.kind == "int")
    result, repeated = add(multiply(b, 0), 1), a
    for bit in range(bits):
        chosen = not_equal(ops.bitwise_and(*operands("power", b, 1 << bit)), 0)
        result = where(chosen, multiply(result, repeated), result)
        repeated = multiply(repeated, repeated)
    if b.dtype.kind == "uint":
        return result
    unit = logical_or(equal(a, 1), equal(a, -1))
    return where(logical_and(less(b, 0), logical_not(unit)), multiply(a, 0), result)


def _small_whole(number: Any) -> int | None:
    if isinstance(number, bool) or not isinstance(
        number, (int, float, np.integer, np.floating)
    ):
        return None
    value = float(number)
    return int(value) if abs(value) <= 64 and value.is_integer() else None


def maximum(a: Any, b: Any) -> Tensor:
    """The larger; NaN wins. The derivative is shared in halves where they are equal."""
    return ops.maximum(*operands("maximum", a, b))


def minimum(a: Any, b: Any) -> Tensor:
    return ops.minimum(*operands("minimum", a, b))


def clip(x: Any, low: Any = None, high: Any = None) -> Tensor:
    """x limited to [low, high]."""
    out = as_tensor(x)
    if (
        low is not None
        and high is not None
        and isinstance(low, (int, float))
        and isinstance(high, (int, float))
        and low > high
    ):
        raise InvalidArgumentError(f"clip: low={low} is above high={high}")
    if low is not None:
        out = maximum(out, low)
    return minimum(out, high) if high is not None else out


def atan2(a: Any, b: Any) -> Tensor:
    x, y = operands("atan2", a, b)
    return ops.atan2(floating("atan2", x), floating("atan2", y))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """a where the condition holds, else b."""
    c = as_tensor(condition, a if isinstance(a, Tensor) else b)
    c = c if c.dtype is bool_ else ops.not_equal(*operands("where", c, 0))
    return ops.where(c, *operands("where", a, b))


def equal(a: Any, b: Any) -> Tensor:
    return ops.equal(*operands("equal", a, b))


def not_equal(a: Any, b: Any) -> Tensor:
    return ops.not_equal(*operands("not_equal", a, b))


def less(a: Any, b: Any) -> Tensor:
    return ops.less(*operands("less", a, b))


def less_equal(a: Any, b: Any) -> Tensor:
    return ops.less_equal(*operands("less_equal", a, b))


def greater(a: Any, b: Any) -> Tensor:
    return ops.greater(*operands("greater", a, b))


def greater_equal(a: Any, b: Any) -> Tensor:
    return ops.greater_equal(*operands("greater_equal", a, b))


def logical_and(a: Any, b: Any) -> Tensor:
    return ops.bitwise_and(*operands("logical_and", a, b))


def logical_or(a: Any, b: Any) -> Tensor:
    return ops.bitwise_or(*operands("logical_or", a, b))


def logical_not(x: Any) -> Tensor:
    return ops.logical_not(as_tensor(x))


def isfinite(x: Any) -> Tensor:
    return ops.is_finite(as_tensor(x))


def isnan(x: Any) -> Tensor:
    x = as_tensor(x)
    return ops.not_equal(x, x)


def isclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether |a − b| ≤ atol + rtol·|b|, elementwise; equal infinities are close.

    >>> import neurenix as nx
    >>> nx.isclose(nx.tensor([1.0, 2.0]), 1.0).tolist()
    [True, False]
    """
    x, y = (floating("isclose", v) for v in operands("isclose", a, b))
    difference = ops.abs(ops.sub(x, y))
    near = ops.less_equal(difference, ops.abs(y) * rtol + atol)
    near = ops.bitwise_and(near, ops.is_finite(y))
    close = ops.bitwise_or(near, ops.equal(x, y))
    return ops.bitwise_or(close, isnan(x) & isnan(y)) if equal_nan else close


def allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Whether all elements are close (see `isclose`): a bool of rank 0."""
    close = isclose(a, b, rtol, atol, equal_nan)
    return ops.all(close, axes=tuple(range(close.ndim)))


def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x with numbers for NaN and infinities, by default 0 and the dtype's extremes.

    >>> import neurenix as nx
    >>> nx.nan_to_num(nx.tensor([1.0, float("nan"), float("inf")]), posinf=9.0).tolist()
    [1.0, 0.0, 9.0]
    """
    x = as_tensor(x)
    if not x.dtype.is_floating:
        return x
    top, bottom = (
        scalar_like(x, largest(x.dtype) * s if given is None else given)
        for given, s in ((posinf, 1), (neginf, -1))
    )
    infinite = ops.where(ops.greater(x, scalar_like(x, 0)), top, bottom)
    odd = ops.where(isnan(x), scalar_like(x, nan), infinite)
    return ops.where(ops.is_finite(x), x, odd)


def largest(dtype: Dtype) -> float:
    """The largest finite number."""
    # bfloat16, which NumPy does not know: 8 bits of float32's 24
    return (
        (2 - 2**-7) * 2.0**127
        if dtype is bfloat16
        else float(np.finfo(dtype.numpy).max)
    )


def negative(x: Any) -> Tensor:
    return ops.neg(as_tensor(x))


def positive(x: Any) -> Tensor:
    """x itself."""
    return as_tensor(x)


def absolute(x: Any) -> Tensor:
    """|x|; its derivative at 0 is 0."""
    return ops.abs(as_tensor(x))


def sign(x: Any) -> Tensor:
    return ops.sign(as_tensor(x))


def square(x: Any) -> Tensor:
    return ops.integer_pow(as_tensor(x), exponent=2)


def stop_gradient(x: Any) -> Tensor:
    """x, whose derivative is zero to every order."""
    return ops.stop_gradient(as_tensor(x))


Unary = Callable[[Any], Tensor]


def _unary(name: str, primitive: str, text: str) -> Unary:
    operation = getattr(ops, primitive)

    def function(x: Any) -> Tensor:
        return operation(floating(name, x))

    function.__name__ = function.__qualname__ = name
    # a traceback, and an error that looks for who was called, say "exp"
    function.__code__ = function.__code__.replace(co_name=name)
    function.__doc__ = text
    return function


exp: Unary = _unary("exp", "exp", "eˣ, elementwise.")
log: Unary = _unary("log", "log", "The natural logarithm; −inf at 0, NaN below.")
log1p: Unary = _unary("log1p", "log1p", "log(1 + x), accurate near 0.")
sqrt: Unary = _unary(
    "sqrt", "sqrt", "The square root. Its derivative at 0 is infinite."
)
rsqrt: Unary = _unary("rsqrt", "rsqrt", "1 / √x.")
sin: Unary = _unary("sin", "sin", "The sine of radians.")
cos: Unary = _unary("cos", "cos", "The cosine of radians.")
tan: Unary = _unary("tan", "tan", "The tangent of radians.")
atan: Unary = _unary("atan", "atan", "The inverse tangent, in radians.")
tanh: Unary = _unary("tanh", "tanh", "The hyperbolic tangent.")
erf: Unary = _unary("erf", "erf", "The error function, 2/√π ∫₀ˣ exp(−t²) dt.")
floor: Unary = _unary(
    "floor", "floor", "The largest whole number not above x. Its derivative is 0."
)
round: Unary = _unary(
    "round", "round", "The nearest whole number, halves to even. Its derivative is 0."
)
