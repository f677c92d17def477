"""Elementwise operations: their inputs broadcast as NumPy's do.

A partial is (cotangent, output, *inputs) -> cotangent of that input before it is
summed over broadcast axes; None where the derivative is zero everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, bool_
from ..errors import DtypeError
from .base import (
    Primitive,
    TensorType,
    Value,
    broadcast_shapes,
    ops,
    register,
    same_dtype,
    scalar_like,
    unbroadcast,
)

Partial = Callable[..., Any] | None


def batch_elementwise(name: str) -> Callable[..., list[Any]]:
    """Give batched values of lower rank size-1 axes behind the batch axis."""

    def batch(values: Sequence[Any], flags: Sequence[bool], **params: Any) -> list[Any]:
        rank = max(len(v.shape) - f for v, f in zip(values, flags, strict=True))
        aligned = []
        for v, f in zip(values, flags, strict=True):
            missing = rank - (len(v.shape) - 1)
            if f and missing:
                v = ops.reshape(v, shape=(v.shape[0], *(1,) * missing, *v.shape[1:]))
            aligned.append(v)
        return [ops.table[name](*aligned, **params)]

    return batch


def elementwise(
    name: str,
    opcode: int,
    kernel: Callable[..., Any],
    *partials: Partial,
    saves: str = "",
    kinds: str = "float",
    result: Dtype | None = None,
    free_dtype: int = 0,
) -> Primitive:
    """Register one.

    kinds        the dtype kinds it takes
    result       its dtype, if not the inputs'
    free_dtype   how many leading inputs (a condition) keep a dtype of their own
    """
    allowed = kinds.split()

    def infer(types: Sequence[Value]) -> list[TensorType]:
        dtype = same_dtype(name, types[free_dtype:])
        if dtype.kind not in allowed:
            raise DtypeError(
                f"{name} takes {' or '.join(allowed)} tensors, not {dtype.name}"
            )
        if free_dtype and types[0].dtype is not bool_:
            raise DtypeError(
                f"{name}: the condition must be bool, not {types[0].dtype.name}"
            )
        return [
            TensorType(
                broadcast_shapes(name, [t.shape for t in types]), result or dtype
            )
        ]

    def reference(*arrays: Any) -> list[Any]:
        dtype = (result or bool_).numpy if result else arrays[-1].dtype
        with np.errstate(all="ignore"):
            return [np.asarray(kernel(*arrays)).astype(dtype, copy=False)]

    def vjp(
        needed: Sequence[bool],
        gs: Sequence[Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
    ) -> list[Any]:
        return [
            unbroadcast(partial(gs[0], outputs[0], *inputs), x.shape)
            if need and partial
            else None
            for need, partial, x in zip(
                needed, partials or (None,) * len(needed), inputs, strict=True
            )
        ]

    batch = batch_elementwise(name)
    return register(
        Primitive(name, opcode, "elementwise", infer, reference, vjp, batch, saves)
    )


def _times(x: Value, factor: float) -> Any:
    return ops.mul(x, scalar_like(x, factor))


def _plus(x: Value, term: float) -> Any:
    return ops.add(x, scalar_like(x, term))


NUMBER = "float int uint"
ANY = "float int uint bool"

neg = elementwise("neg", 1, np.negative, lambda g, o, a: ops.neg(g), kinds=NUMBER)
abs_ = elementwise(
    "abs", 2, np.abs, lambda g, o, a: ops.mul(g, ops.sign(a)), saves="i", kinds=NUMBER
)
sign = elementwise("sign", 3, np.sign, kinds=NUMBER)
floor = elementwise("floor", 4, np.floor)
round_ = elementwise("round", 5, np.rint)
exp = elementwise("exp", 6, np.exp, lambda g, o, a: ops.mul(g, o), saves="o")
log = elementwise("log", 7, np.log, lambda g, o, a: ops.div(g, a), saves="i")
log1p = elementwise(
    "log1p", 8, np.log1p, lambda g, o, a: ops.div(g, _plus(a, 1)), saves="i"
)
sin = elementwise("sin", 9, np.sin, lambda g, o, a: ops.mul(g, ops.cos(a)), saves="i")
cos = elementwise(
    "cos", 10, np.cos, lambda g, o, a: ops.neg(ops.mul(g, ops.sin(a))), saves="i"
)
tan = elementwise(
    "tan", 11, np.tan, lambda g, o, a: ops.mul(g, _plus(ops.mul(o, o), 1)), saves="o"
)
atan = elementwise(
    "atan",
    12,
    np.arctan,
    lambda g, o, a: ops.div(g, _plus(ops.mul(a, a), 1)),
    saves="i",
)
tanh = elementwise(
    "tanh",
    13,
    np.tanh,
    lambda g, o, a: ops.mul(g, ops.sub(scalar_like(o, 1), ops.mul(o, o))),
    saves="o",
)
sqrt = elementwise(
    "sqrt", 14, np.sqrt, lambda g, o, a: ops.div(_times(g, 0.5), o), saves="o"
)
rsqrt = elementwise(
    "rsqrt",
    15,
    lambda a: 1 / np.sqrt(a),
    lambda g, o, a: ops.mul(_times(g, -0.5), ops.integer_pow(o, exponent=3)),
    saves="o",
)
erf = elementwise(
    "erf",
    16,
    np.vectorize(math.erf, otypes=[np.float64]),
    lambda g, o, a: ops.mul(
        _times(g, 2 / math.sqrt(math.pi)), ops.exp(ops.neg(ops.mul(a, a)))
    ),
    saves="i",
)
is_finite = elementwise("is_finite", 17, np.isfinite, kinds=NUMBER, result=bool_)
logical_not = elementwise("logical_not", 18, np.logical_not, kinds="bool")

add = elementwise(
    "add", 30, np.add, lambda g, o, a, b: g, lambda g, o, a, b: g, kinds=NUMBER
)
sub = elementwise(
    "sub",
    31,
    np.subtract,
    lambda g, o, a, b: g,
    lambda g, o, a, b: ops.neg(g),
    kinds=NUMBER,
)
mul = elementwise(
    "mul",
    32,
    np.multiply,
    lambda g, o, a, b: ops.mul(g, b),
    lambda g, o, a, b: ops.mul(g, a),
    saves="i",
    kinds=NUMBER,
)
div = elementwise(
    "div",
    33,
    np.divide,
    lambda g, o, a, b: ops.div(g, b),
    lambda g, o, a, b: ops.neg(ops.div(ops.mul(g, o), b)),
    saves="io",
)
remainder = elementwise(
    "remainder",
    34,
    np.remainder,
    lambda g, o, a, b: g,
    lambda g, o, a, b: ops.neg(ops.mul(g, ops.floor(ops.div(a, b)))),
    saves="i",
    kinds=NUMBER,
)


def _pow_exponent(g: Any, o: Any, a: Any, b: Any) -> Any:
    safe = ops.where(ops.greater(a, scalar_like(a, 0)), a, scalar_like(a, 1))
    return ops.mul(ops.mul(g, o), ops.log(safe))


def _pow_base(g: Any, o: Any, a: Any, b: Any) -> Any:
    return ops.mul(g, ops.mul(b, ops.pow(a, _plus(b, -1))))


pow_ = elementwise("pow", 35, np.power, _pow_base, _pow_exponent, saves="io")


def _winner(g: Any, a: Any, b: Any) -> Any:
    """g where a > b, half of it where they are equal."""
    half = ops.where(ops.equal(a, b), _times(g, 0.5), scalar_like(g, 0))
    return ops.where(ops.greater(a, b), g, half)


maximum = elementwise(
    "maximum",
    36,
    np.maximum,
    lambda g, o, a, b: _winner(g, a, b),
    lambda g, o, a, b: _winner(g, b, a),
    saves="i",
    kinds=NUMBER,
)
minimum = elementwise(
    "minimum",
    37,
    np.minimum,
    lambda g, o, a, b: _winner(g, b, a),
    lambda g, o, a, b: _winner(g, a, b),
    saves="i",
    kinds=NUMBER,
)


def _over_squares(g: Any, x: Any, a: Any, b: Any) -> Any:
    return ops.div(ops.mul(g, x), ops.add(ops.mul(a, a), ops.mul(b, b)))


atan2 = elementwise(
    "atan2",
    38,
    np.arctan2,
    lambda g, o, a, b: _over_squares(g, b, a, b),
    lambda g, o, a, b: ops.neg(_over_squares(g, a, a, b)),
    saves="i",
)
equal = elementwise("equal", 40, np.equal, kinds=ANY, result=bool_)
not_equal = elementwise("not_equal", 41, np.not_equal, kinds=ANY, result=bool_)
less = elementwise("less", 42, np.less, kinds=ANY, result=bool_)
less_equal = elementwise("less_equal", 43, np.less_equal, kinds=ANY, result=bool_)
greater = elementwise("greater", 44, np.greater, kinds=ANY, result=bool_)
greater_equal = elementwise(
    "greater_equal", 45, np.greater_equal, kinds=ANY, result=bool_
)
bitwise_and = elementwise("bitwise_and", 50, np.bitwise_and, kinds="int uint bool")
bitwise_or = elementwise("bitwise_or", 51, np.bitwise_or, kinds="int uint bool")
bitwise_xor = elementwise("bitwise_xor", 52, np.bitwise_xor, kinds="int uint bool")


def _shift(shift: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(a: Any, b: Any) -> Any:
        bits = a.dtype.itemsize * 8
        return np.where(b < bits, shift(a, np.minimum(b, bits - 1)), 0)

    return kernel


shift_left = elementwise("shift_left", 53, _shift(np.left_shift), kinds="int uint")
shift_right = elementwise("shift_right", 54, _shift(np.right_shift), kinds="int uint")
where = elementwise(
    "where",
    60,
    np.where,
    None,
    lambda g, o, c, a, b: ops.where(c, g, scalar_like(g, 0)),
    lambda g, o, c, a, b: ops.where(c, scalar_like(g, 0), g),
    saves="i",
    kinds=ANY,
    free_dtype=1,
)


# ---- those with a static parameter ---------------------------------------------------


def _parametric(
    name: str, opcode: int, infer: Any, reference: Any, vjp: Any, saves: str = ""
) -> Primitive:
    batch = batch_elementwise(name)
    return register(
        Primitive(name, opcode, "elementwise", infer, reference, vjp, batch, saves)
    )


def _cast_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, dtype: Dtype
) -> list[Any]:
    both = dtype.is_floating and inputs[0].dtype.is_floating
    return [ops.cast(gs[0], dtype=inputs[0].dtype) if both else None]


def _cast_reference(a: Any, dtype: Dtype) -> list[Any]:
    if dtype.kind in ("int", "uint") and a.dtype.kind == "f":  # saturate; NaN gives 0
        info = np.iinfo(dtype.numpy)
        wide = np.clip(
            np.trunc(np.nan_to_num(a.astype(np.float64), nan=0.0)), info.min, info.max
        )
        exact = np.where(
            wide >= float(info.max),
            info.max,
            np.minimum(wide, 2.0**62).astype(np.int64),
        )
        return [exact.astype(dtype.numpy)]
    with np.errstate(all="ignore"):
        return [a.astype(dtype.numpy)]


cast = _parametric(
    "cast",
    19,
    lambda types, dtype: [TensorType(types[0].shape, dtype)],
    _cast_reference,
    _cast_vjp,
)


def _bitcast_infer(types: Sequence[Value], dtype: Dtype) -> list[TensorType]:
    if types[0].dtype.itemsize != dtype.itemsize:
        raise DtypeError(
            f"bitcast: {types[0].dtype.name} and {dtype.name} differ in size"
        )
    return [TensorType(types[0].shape, dtype)]


bitcast = _parametric(
    "bitcast",
    20,
    _bitcast_infer,
    lambda a, dtype: [np.asarray(a, order="C").view(dtype.numpy)],
    lambda needed, gs, inputs, outputs, dtype: [None],
)


def _integer_pow_infer(types: Sequence[Value], exponent: int) -> list[TensorType]:
    dtype = types[0].dtype
    if dtype is bool_ or (exponent < 0 and not dtype.is_floating):
        raise DtypeError(
            f"integer_pow: {dtype.name} to the power {exponent} "
            "has no value of that dtype"
        )
    return [TensorType(types[0].shape, dtype)]


def _integer_pow_reference(a: Any, exponent: int) -> list[Any]:
    with np.errstate(all="ignore"):
        power = np.ones_like(a)
        for _ in range(abs(exponent)):
            power = power * a
        return [(1 / power if exponent < 0 else power).astype(a.dtype)]


def _integer_pow_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, exponent: int
) -> list[Any]:
    if exponent == 0:
        return [None]
    a = inputs[0]
    slope = (
        scalar_like(a, exponent)
        if exponent == 1
        else (
            _times(a, 2)
            if exponent == 2
            else _times(ops.integer_pow(a, exponent=exponent - 1), exponent)
        )
    )
    return [ops.mul(gs[0], slope)]


integer_pow = _parametric(
    "integer_pow",
    21,
    _integer_pow_infer,
    _integer_pow_reference,
    _integer_pow_vjp,
    saves="i",
)
