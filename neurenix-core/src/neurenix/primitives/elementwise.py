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
from . import formulae
from .broadcasting import broadcast_shapes, same_dtype, unbroadcast
from .primitive import InBasis, Primitive, TensorType, Value, ops, register
from .shorthands import scalar_like

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
    decomposition: Callable[..., Any] | InBasis,
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
    if not partials and result is None and "float" in allowed:
        raise ValueError(f"{name}: give each input a partial, or None: it is 0")

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
        Primitive(
            name,
            opcode,
            "elementwise",
            infer,
            reference,
            vjp,
            batch,
            decomposition,
            saves,
        )
    )


def times(x: Value, factor: float) -> Any:
    return ops.mul(x, scalar_like(x, factor))


def _plus(x: Value, term: float) -> Any:
    return ops.add(x, scalar_like(x, term))


NUMBER = "float int uint"
ANY = "float int uint bool"

neg = elementwise(
    "neg",
    1,
    np.negative,
    lambda g, o, a: ops.neg(g),
    kinds=NUMBER,
    decomposition=formulae.neg,
)
abs_ = elementwise(
    "abs",
    2,
    np.abs,
    lambda g, o, a: ops.mul(g, ops.sign(a)),
    saves="i",
    kinds=NUMBER,
    decomposition=formulae.abs_,
)
sign = elementwise("sign", 3, np.sign, None, kinds=NUMBER, decomposition=formulae.sign)
floor = elementwise("floor", 4, np.floor, None, decomposition=formulae.floor)
round_ = elementwise("round", 5, np.rint, None, decomposition=formulae.round_)
exp = elementwise(
    "exp",
    6,
    np.exp,
    lambda g, o, a: ops.mul(g, o),
    saves="o",
    decomposition=InBasis("the others are made of it"),
)
log = elementwise(
    "log",
    7,
    np.log,
    lambda g, o, a: ops.div(g, a),
    saves="i",
    decomposition=InBasis("the others are made of it"),
)
log1p = elementwise(
    "log1p",
    8,
    np.log1p,
    lambda g, o, a: ops.div(g, _plus(a, 1)),
    saves="i",
    decomposition=formulae.log1p,
)
sin = elementwise(
    "sin",
    9,
    np.sin,
    lambda g, o, a: ops.mul(g, ops.cos(a)),
    saves="i",
    decomposition=InBasis("the others are made of it"),
)
cos = elementwise(
    "cos",
    10,
    np.cos,
    lambda g, o, a: ops.neg(ops.mul(g, ops.sin(a))),
    saves="i",
    decomposition=InBasis(
        "by sin alone it loses its digits near its zeros, and tan near its poles"
    ),
)
tan = elementwise(
    "tan",
    11,
    np.tan,
    lambda g, o, a: ops.mul(g, _plus(ops.mul(o, o), 1)),
    saves="o",
    decomposition=formulae.tan,
)
atan = elementwise(
    "atan",
    12,
    np.arctan,
    lambda g, o, a: ops.div(g, _plus(ops.mul(a, a), 1)),
    saves="i",
    decomposition=formulae.atan,
)
tanh = elementwise(
    "tanh",
    13,
    np.tanh,
    lambda g, o, a: ops.mul(g, ops.sub(scalar_like(o, 1), ops.mul(o, o))),
    saves="o",
    decomposition=formulae.tanh,
)
sqrt = elementwise(
    "sqrt",
    14,
    np.sqrt,
    lambda g, o, a: ops.div(times(g, 0.5), o),
    saves="o",
    decomposition=formulae.sqrt,
)
rsqrt = elementwise(
    "rsqrt",
    15,
    lambda a: 1 / np.sqrt(a),
    lambda g, o, a: ops.mul(times(g, -0.5), ops.integer_pow(o, exponent=3)),
    saves="o",
    decomposition=formulae.rsqrt,
)
erf = elementwise(
    "erf",
    16,
    np.vectorize(math.erf, otypes=[np.float64]),
    lambda g, o, a: ops.mul(
        times(g, 2 / math.sqrt(math.pi)), ops.exp(ops.neg(ops.mul(a, a)))
    ),
    saves="i",
    decomposition=formulae.erf,
)
is_finite = elementwise(
    "is_finite",
    17,
    np.isfinite,
    kinds=NUMBER,
    result=bool_,
    decomposition=formulae.is_finite,
)
logical_not = elementwise(
    "logical_not", 18, np.logical_not, kinds="bool", decomposition=formulae.logical_not
)

add = elementwise(
    "add",
    30,
    np.add,
    lambda g, o, a, b: g,
    lambda g, o, a, b: g,
    kinds=NUMBER,
    decomposition=InBasis("arithmetic"),
)
sub = elementwise(
    "sub",
    31,
    np.subtract,
    lambda g, o, a, b: g,
    lambda g, o, a, b: ops.neg(g),
    kinds=NUMBER,
    decomposition=formulae.sub,
)
mul = elementwise(
    "mul",
    32,
    np.multiply,
    lambda g, o, a, b: ops.mul(g, b),
    lambda g, o, a, b: ops.mul(g, a),
    saves="i",
    kinds=NUMBER,
    decomposition=InBasis("arithmetic"),
)
div = elementwise(
    "div",
    33,
    np.divide,
    lambda g, o, a, b: ops.div(g, b),
    lambda g, o, a, b: ops.neg(ops.div(ops.mul(g, o), b)),
    saves="io",
    decomposition=InBasis("arithmetic"),
)
remainder = elementwise(
    "remainder",
    34,
    np.remainder,
    lambda g, o, a, b: g,
    lambda g, o, a, b: ops.neg(ops.mul(g, ops.floor(ops.div(a, b)))),
    saves="i",
    kinds=NUMBER,
    decomposition=InBasis(
        "by div it is exact for no large quotient, and integers have no div"
    ),
)


def _pow_exponent(g: Any, o: Any, a: Any, b: Any) -> Any:
    safe = ops.where(ops.greater(a, scalar_like(a, 0)), a, scalar_like(a, 1))
    return ops.mul(ops.mul(g, o), ops.log(safe))


def _pow_base(g: Any, o: Any, a: Any, b: Any) -> Any:
    return ops.mul(g, ops.mul(b, ops.pow(a, _plus(b, -1))))


pow_ = elementwise(
    "pow",
    35,
    np.power,
    _pow_base,
    _pow_exponent,
    saves="io",
    decomposition=InBasis("by exp and log it loses digits where the power is large"),
)


def _winner(g: Any, a: Any, b: Any) -> Any:
    """g where a > b, half of it where they are equal."""
    half = ops.where(ops.equal(a, b), times(g, 0.5), scalar_like(g, 0))
    return ops.where(ops.greater(a, b), g, half)


maximum = elementwise(
    "maximum",
    36,
    np.maximum,
    lambda g, o, a, b: _winner(g, a, b),
    lambda g, o, a, b: _winner(g, b, a),
    saves="i",
    kinds=NUMBER,
    decomposition=formulae.maximum,
)
minimum = elementwise(
    "minimum",
    37,
    np.minimum,
    lambda g, o, a, b: _winner(g, b, a),
    lambda g, o, a, b: _winner(g, a, b),
    saves="i",
    kinds=NUMBER,
    decomposition=formulae.minimum,
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
    decomposition=formulae.atan2,
)
equal = elementwise(
    "equal",
    40,
    np.equal,
    kinds=ANY,
    result=bool_,
    decomposition=InBasis("less cannot see that NaN is unlike itself"),
)
not_equal = elementwise(
    "not_equal",
    41,
    np.not_equal,
    kinds=ANY,
    result=bool_,
    decomposition=formulae.not_equal,
)
less = elementwise(
    "less",
    42,
    np.less,
    kinds=ANY,
    result=bool_,
    decomposition=InBasis("the other comparisons are made of it"),
)
less_equal = elementwise(
    "less_equal",
    43,
    np.less_equal,
    kinds=ANY,
    result=bool_,
    decomposition=formulae.less_equal,
)
greater = elementwise(
    "greater", 44, np.greater, kinds=ANY, result=bool_, decomposition=formulae.greater
)
greater_equal = elementwise(
    "greater_equal",
    45,
    np.greater_equal,
    kinds=ANY,
    result=bool_,
    decomposition=formulae.greater_equal,
)
bitwise_and = elementwise(
    "bitwise_and",
    50,
    np.bitwise_and,
    kinds="int uint bool",
    decomposition=InBasis("the other bitwise operations are made of it"),
)
bitwise_or = elementwise(
    "bitwise_or",
    51,
    np.bitwise_or,
    kinds="int uint bool",
    decomposition=formulae.bitwise_or,
)
bitwise_xor = elementwise(
    "bitwise_xor",
    52,
    np.bitwise_xor,
    kinds="int uint bool",
    decomposition=formulae.bitwise_xor,
)


def _shift(shift: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(a: Any, b: Any) -> Any:
        bits = a.dtype.itemsize * 8
        return np.where(b < bits, shift(a, np.minimum(b, bits - 1)), 0)

    return kernel


shift_left = elementwise(
    "shift_left",
    53,
    _shift(np.left_shift),
    kinds="int uint",
    decomposition=formulae.shift_left,
)
shift_right = elementwise(
    "shift_right",
    54,
    _shift(np.right_shift),
    kinds="int uint",
    decomposition=InBasis("integers have no division"),
)
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
    decomposition=InBasis("choices are made of it"),
)
