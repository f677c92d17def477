"""Elementary functions made of others: roundings, logarithms, exponentials, hyperbolic
functions and inverses.

Formulas are arranged so that nothing overflows or cancels where the result is an
ordinary number, and so that derivatives of every order are those of the function. Half
types are computed in float32. Integers and bools become float32.
"""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import float32
from ..primitives import ops
from ..primitives.shorthands import in_float32, scalar_like
from ..tensor import Tensor
from .arithmetic import clip
from .operands import as_tensor, floating, operands
from .reduction import safe_sqrt


def ceil(x: Any) -> Tensor:
    """The smallest whole number not below x. Its derivative is 0.

    >>> import neurenix as nx
    >>> nx.ceil(nx.tensor([1.2, -1.2])).tolist()
    [2.0, -1.0]
    """
    return ops.neg(ops.floor(ops.neg(floating("ceil", x))))


def trunc(x: Any) -> Tensor:
    """The whole number next to x on the way to 0. Its derivative is 0.

    >>> import neurenix as nx
    >>> nx.trunc(nx.tensor([1.8, -1.8])).tolist()
    [1.0, -1.0]
    """
    x = floating("trunc", x)
    return ops.where(ops.less(x, scalar_like(x, 0)), ceil(x), ops.floor(x))


def isinf(x: Any) -> Tensor:
    """Whether x is +∞ or −∞: a bool tensor.

    >>> import neurenix as nx
    >>> nx.isinf(nx.tensor([1.0, float("-inf")])).tolist()
    [False, True]
    """
    x = floating("isinf", x)
    return ops.equal(ops.abs(x), scalar_like(x, math.inf))


def logical_xor(a: Any, b: Any) -> Tensor:
    """Whether one of two bool tensors holds and the other does not."""
    return ops.bitwise_xor(*operands("logical_xor", a, b))


def reciprocal(x: Any) -> Tensor:
    """1 / x.

    >>> import neurenix as nx
    >>> nx.reciprocal(nx.tensor(4.0)).item()
    0.25
    """
    x = floating("reciprocal", x)
    return ops.div(scalar_like(x, 1), x)


# ---- exponentials and logarithms -----------------------------------------------------


def exp2(x: Any) -> Tensor:
    """2ˣ.

    >>> import neurenix as nx
    >>> nx.exp2(nx.tensor([3.0, -1.0])).tolist()
    [8.0, 0.5]
    """
    x = floating("exp2", x)
    return ops.pow(scalar_like(x, 2), x)


def expm1(x: Any) -> Tensor:
    """eˣ − 1 = tanh(x/2) · (eˣ + 1), accurate near 0. Its derivatives are eˣ.

    >>> import neurenix as nx
    >>> round(nx.expm1(nx.tensor(1e-6, nx.float64)).item() * 1e6, 7)
    1.0000005
    """
    return _expm1(floating("expm1", x))


@in_float32
def _expm1(x: Any) -> Any:
    power = ops.exp(x)
    bend = ops.tanh(ops.mul(x, scalar_like(x, 0.5)))
    value = ops.mul(bend, ops.add(power, scalar_like(x, 1)))
    # the second term is 0, and has the derivatives; so subtracted, −0 stays −0
    constant = ops.stop_gradient(power)
    exact = ops.sub(ops.stop_gradient(value), ops.sub(constant, power))
    return ops.where(ops.is_finite(power), exact, power)


def log2(x: Any) -> Tensor:
    """The logarithm to the base 2; −∞ at 0, NaN below.

    >>> import neurenix as nx
    >>> nx.log2(nx.tensor([8.0, 0.5])).tolist()
    [3.0, -1.0]
    """
    return _over_log(floating("log2", x), 2.0)


def log10(x: Any) -> Tensor:
    """The logarithm to the base 10; −∞ at 0, NaN below.

    >>> import neurenix as nx
    >>> nx.log10(nx.tensor([100.0, 0.1])).tolist()
    [2.0, -1.0]
    """
    return _over_log(floating("log10", x), 10.0)


def _over_log(x: Tensor, base: float) -> Any:
    @in_float32
    def quotient(x: Any) -> Any:
        y = ops.div(ops.log(x), scalar_like(x, math.log(base)))
        # a whole number where the base's power is x: else a digit may be lost
        whole = ops.stop_gradient(ops.round(y))
        hit = ops.equal(ops.pow(scalar_like(x, base), whole), x)
        hit = ops.bitwise_and(hit, ops.is_finite(y))
        gap = ops.sub(ops.stop_gradient(y), y)  # 0, with the derivatives
        return ops.where(hit, ops.sub(whole, gap), y)

    return quotient(x)


def logaddexp(a: Any, b: Any) -> Tensor:
    """log(eᵃ + eᵇ), without overflow.

    >>> import neurenix as nx
    >>> round(nx.logaddexp(nx.tensor(0.0), 0.0).item(), 4)  # log 2
    0.6931
    """
    x, y = (floating("logaddexp", v) for v in operands("logaddexp", a, b))
    first = ops.greater_equal(x, y)
    larger, smaller = ops.where(first, x, y), ops.where(first, y, x)
    alike = ops.bitwise_and(ops.equal(x, y), isinf(x))
    gap = ops.where(alike, scalar_like(x, 0), ops.sub(smaller, larger))
    return ops.add(larger, ops.log1p(ops.exp(gap)))


# ---- hyperbolic functions and their inverses -----------------------------------------


def _half_sinh(x: Any) -> Any:
    """sinh(x/2), by e^(x/2) − 1 and e^(−x/2) − 1, neither of which cancels near 0."""
    half = ops.mul(x, scalar_like(x, 0.5))
    both = ops.sub(_expm1(half), _expm1(ops.neg(half)))
    return ops.mul(both, scalar_like(x, 0.5))


def sinh(x: Any) -> Tensor:
    """(eˣ − e⁻ˣ) / 2 = 2 s √(1 + s²) with s = sinh(x/2).

    >>> import neurenix as nx
    >>> round(nx.sinh(nx.tensor(1.0)).item(), 5)
    1.1752
    """
    return _sinh(floating("sinh", x))


@in_float32
def _sinh(x: Any) -> Any:
    s = _half_sinh(x)
    root = ops.sqrt(ops.add(ops.mul(s, s), scalar_like(x, 1)))
    return ops.mul(ops.mul(s, scalar_like(x, 2)), root)


def cosh(x: Any) -> Tensor:
    """(eˣ + e⁻ˣ) / 2 = 1 + 2 sinh²(x/2).

    >>> import neurenix as nx
    >>> round(nx.cosh(nx.tensor(1.0)).item(), 5)
    1.54308
    """
    return _cosh(floating("cosh", x))


@in_float32
def _cosh(x: Any) -> Any:
    s = _half_sinh(x)
    return ops.add(ops.mul(ops.mul(s, s), scalar_like(x, 2)), scalar_like(x, 1))


def asinh(x: Any) -> Tensor:
    """The inverse of sinh: log(|x| + √(x² + 1)) with the sign of x.

    >>> import neurenix as nx
    >>> round(nx.asinh(nx.tensor(-1.0)).item(), 5)
    -0.88137
    """
    return _asinh(floating("asinh", x))


_HUGE = 1e9  # 1 is nothing beside its square


@in_float32
def _asinh(x: Any) -> Any:
    zero, one = scalar_like(x, 0), scalar_like(x, 1)
    # by `where`, of −0 too: at 0 the derivatives are those of either side
    below = ops.bitwise_or(ops.less(x, zero), ops.less(ops.div(one, x), zero))
    size = ops.where(below, ops.neg(x), x)
    huge = ops.greater(size, scalar_like(x, _HUGE))
    m = ops.where(huge, one, size)
    squared = ops.mul(m, m)
    root = ops.sqrt(ops.add(squared, one))
    near = ops.log1p(ops.add(m, ops.div(squared, ops.add(root, one))))
    far = ops.add(ops.log(ops.where(huge, size, one)), scalar_like(x, math.log(2)))
    value = ops.where(huge, far, near)
    return ops.where(below, ops.neg(value), value)


def acosh(x: Any) -> Tensor:
    """The inverse of cosh, from 1: log(x + √(x² − 1)); NaN below 1. Its derivative at 1
    is infinite.

    >>> import neurenix as nx
    >>> nx.acosh(nx.tensor(1.0)).item()
    0.0
    """
    return _acosh(floating("acosh", x))


@in_float32
def _acosh(x: Any) -> Any:
    one = scalar_like(x, 1)
    huge = ops.greater(x, scalar_like(x, _HUGE))
    d = ops.sub(ops.where(huge, scalar_like(x, 2), x), one)
    root = ops.mul(ops.sqrt(d), ops.sqrt(ops.add(d, scalar_like(x, 2))))
    near = ops.log1p(ops.add(d, root))
    far = ops.add(ops.log(ops.where(huge, x, one)), scalar_like(x, math.log(2)))
    return ops.where(huge, far, near)


def atanh(x: Any) -> Tensor:
    """The inverse of tanh: (log(1 + x) − log(1 − x)) / 2; ±∞ at ±1, NaN beyond.

    >>> import neurenix as nx
    >>> round(nx.atanh(nx.tensor(0.5)).item(), 5)
    0.54931
    """
    x = floating("atanh", x)
    both = ops.sub(ops.log1p(x), ops.log1p(ops.neg(x)))
    return ops.mul(both, scalar_like(x, 0.5))


# ---- inverses of sine and cosine, and lengths ----------------------------------------


def asin(x: Any) -> Tensor:
    """The inverse sine, in radians; NaN beyond ±1, where the derivative is infinite.

    >>> import neurenix as nx
    >>> round(nx.asin(nx.tensor(1.0)).item(), 5)  # π/2
    1.5708
    """
    return _asin(floating("asin", x))


def acos(x: Any) -> Tensor:
    """The inverse cosine, in radians; NaN beyond ±1, where the derivative is infinite.

    >>> import neurenix as nx
    >>> nx.acos(nx.tensor(1.0)).item()
    0.0
    """
    return _acos(floating("acos", x))


def _leg(x: Any) -> Any:
    """√(1 − x²)"""
    one = scalar_like(x, 1)
    return ops.sqrt(ops.mul(ops.sub(one, x), ops.add(one, x)))


@in_float32
def _asin(x: Any) -> Any:
    return ops.atan2(x, _leg(x))


@in_float32
def _acos(x: Any) -> Any:
    return ops.atan2(_leg(x), x)


def hypot(a: Any, b: Any) -> Tensor:
    """√(a² + b²), without overflow; ∞ where either is infinite. At (0, 0) its
    derivative is 0, not NaN.

    >>> import neurenix as nx
    >>> nx.hypot(nx.tensor(3e30), 4e30).item() == nx.tensor(5e30).item()
    True
    """
    x, y = (floating("hypot", v) for v in operands("hypot", a, b))
    dtype = x.dtype
    if dtype.itemsize < 4:
        x, y = ops.cast(x, dtype=float32), ops.cast(y, dtype=float32)
    most = ops.stop_gradient(ops.maximum(ops.abs(x), ops.abs(y)))
    zero, one = scalar_like(x, 0), scalar_like(x, 1)
    # of one degree in its arguments, so that the derivatives do not see the scale
    usable = ops.bitwise_and(ops.is_finite(most), ops.greater(most, zero))
    scale = ops.where(usable, most, one)
    p, q = ops.div(x, scale), ops.div(y, scale)
    length = ops.mul(scale, safe_sqrt(ops.add(ops.mul(p, p), ops.mul(q, q))))
    infinite = ops.bitwise_or(isinf(x), isinf(y))
    length = ops.where(infinite, scalar_like(x, math.inf), length)
    return length if length.dtype is dtype else ops.cast(length, dtype=dtype)


def clamp(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """x limited to [min, max], of numbers or tensors: `clip` by PyTorch's names.

    >>> import neurenix as nx
    >>> nx.clamp(nx.tensor([-1.0, 0.5, 2.0]), min=0.0).tolist()
    [0.0, 0.5, 2.0]
    """
    return clip(x, min, max)


def lerp(start: Any, end: Any, weight: Any) -> Tensor:
    """start + weight · (end − start); end itself at weight 1.

    >>> import neurenix as nx
    >>> nx.lerp(nx.tensor([0.0, 10.0]), 20.0, 0.5).tolist()
    [10.0, 15.0]
    """
    a, b, w = (floating("lerp", v) for v in operands("lerp", start, end, weight))
    one, way = scalar_like(w, 1), ops.sub(b, a)
    from_start = ops.add(a, ops.mul(w, way))
    from_end = ops.sub(b, ops.mul(ops.sub(one, w), way))
    return ops.where(ops.less(w, scalar_like(w, 0.5)), from_start, from_end)


def array_equal(a: Any, b: Any) -> Tensor:
    """Whether two tensors have one shape and equal elements: a bool of rank 0.

    >>> import neurenix as nx
    >>> bool(nx.array_equal(nx.ones(2), [1, 1])), bool(nx.array_equal(nx.ones(2), 1))
    (True, False)
    """
    x, y = as_tensor(a), as_tensor(b)
    x, y = operands("array_equal", x, y)
    if x.shape != y.shape:
        return as_tensor(False)
    return ops.all(ops.equal(x, y), axes=tuple(range(x.ndim)))
