"""Elementwise primitives as nodes.

Runtimes have few kernels for unsigned integers: those are computed in int64, and cut
back to their width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...program import Instruction
from .graph import Graph, refuse
from .rules import dtype_of, param, rule

_NATIVE = {
    "neg": "Neg",
    "abs": "Abs",
    "floor": "Floor",
    "round": "Round",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "atan": "Atan",
    "tanh": "Tanh",
    "sqrt": "Sqrt",
    "erf": "Erf",
    "logical_not": "Not",
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "pow": "Pow",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "equal": "Equal",
    "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor",
}
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")
_LOGIC = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}
_UNSIGNED = {"uint8": 0xFF, "uint32": 0xFFFFFFFF}


def wide(g: Graph, x: str, dtype: str) -> str:
    """An unsigned value, or a bool, as int64."""
    return g.cast(x, "int64") if dtype in (*_UNSIGNED, "bool") else x


def narrow(g: Graph, x: str, dtype: str) -> str:
    """An int64 modulo the width of an unsigned dtype."""
    if dtype not in _UNSIGNED:
        return x
    mask = g.constant(np.asarray(_UNSIGNED[dtype]), "int64")
    return g.cast(g.add("BitwiseAnd", x, mask), dtype)


@rule(*_NATIVE)
def _native(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    name, dtype = i.primitive.name, dtype_of(i)
    if dtype == "bool" and name in _LOGIC:
        return g.add(_LOGIC[name], *inputs)
    kind = _NATIVE[name]
    if name in _LOGIC or name == "logical_not" or (dtype, name) == ("bool", "equal"):
        return g.add(kind, *inputs)
    if dtype not in (*_UNSIGNED, "bool"):
        return g.add(kind, *inputs)
    out = g.add(kind, *(wide(g, x, dtype) for x in inputs))
    return out if name in _COMPARISONS else narrow(g, out, dtype)


@rule("not_equal")
def _not_equal(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    dtype = dtype_of(i)
    values = inputs if dtype == "bool" else [wide(g, x, dtype) for x in inputs]
    return g.add("Not", g.add("Equal", *values))


@rule("sign")
def _sign(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    (x,) = inputs
    dtype = dtype_of(i)
    if dtype != "float32":
        return narrow(g, g.add("Sign", wide(g, x, dtype)), dtype)
    return g.where(g.add("IsNaN", x), x, g.add("Sign", x))  # runtimes say 0 of NaN


@rule("rsqrt")
def _rsqrt(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    return g.add("Reciprocal", g.add("Sqrt", inputs[0]))


@rule("is_finite")
def _is_finite(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    (x,) = inputs
    if dtype_of(i) != "float32":
        return g.full(i.outputs[0].type.shape, True, "bool")
    return g.add("Not", g.add("Or", g.add("IsNaN", x), g.add("IsInf", x)))


@rule("where")
def _where(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    condition, a, b = inputs
    dtype = dtype_of(i, 1)
    if dtype in ("bool", "uint32"):
        values = (g.cast(x, "int64") for x in (a, b))
        return g.cast(g.where(condition, *values), dtype)
    return g.where(condition, a, b)


@rule("remainder")
def _remainder(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    """With the sign of the divisor. Of floats the remainder of the truncated quotient
    is exact, and is moved by one divisor where its sign is the other one."""
    a, b = inputs
    dtype = dtype_of(i)
    if dtype != "float32":
        a, b = (g.cast(x, "int64") for x in (a, b))
        zero, one = (g.constant(np.asarray(n), "int64") for n in (0, 1))
        by_zero = g.add("Equal", b, zero)  # the remainder is 0
        rest = g.add("Mod", a, g.where(by_zero, one, b), fmod=0)
        return g.cast(g.where(by_zero, zero, rest), dtype)
    zero = g.constant(np.asarray(0), "float32")
    rest = g.add("Mod", a, b, fmod=1)
    low, negative = g.add("Less", rest, zero), g.add("Less", b, zero)
    other = g.add("Xor", low, negative)
    some = g.add("Not", g.add("Equal", rest, zero))
    return g.where(g.add("And", other, some), g.add("Add", rest, b), rest)


@rule("shift_left", "shift_right")
def _shift(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    """By a power of two in int64; 0 where all bits go."""
    x, by = inputs
    dtype = i.inputs[0].type.dtype
    bits = dtype.itemsize * 8
    if bits == 64:
        raise refuse(i, "shifts of int64 have no node; use int32 or uint32")
    x, by = (g.cast(v, "int64") for v in (x, by))
    zero, width = (g.constant(np.asarray(n), "int64") for n in (0, bits))
    inside = g.add(
        "And", g.add("Less", by, width), g.add("Not", g.add("Less", by, zero))
    )
    count = g.cast(g.where(inside, by, zero), "uint64")
    one = g.constant(np.asarray(1), "uint64")
    power = g.cast(g.add("BitShift", one, count, direction="LEFT"), "int64")
    if i.primitive.name == "shift_left":
        moved = g.add("Mul", x, power)
    else:
        rest = g.add("Mod", x, power, fmod=0)
        moved = g.add("Div", g.add("Sub", x, rest), power)
    moved = g.where(inside, moved, zero)
    if dtype.name == "int32":
        return _wrapped(g, moved)
    return narrow(g, moved, dtype.name)


def _wrapped(g: Graph, x: str) -> str:
    """An int64 modulo 2³², as int32."""
    half, all_ = (g.constant(np.asarray(n), "int64") for n in (2**31, 2**32))
    low = g.add("Mod", g.add("Add", x, half), all_, fmod=0)
    return g.cast(g.add("Sub", low, half), "int32")


@rule("cast")
def _cast(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    (x,) = inputs
    before, after = dtype_of(i), param(i, "dtype").name
    if before == after:
        return g.add("Identity", x)
    if before == "float32" and after == "bool":
        return g.add("Not", g.add("Equal", x, g.constant(np.asarray(0), "float32")))
    if before == "float32":  # saturated, and 0 for NaN
        low, high = np.iinfo(after).min, np.iinfo(after).max
        x = g.where(g.add("IsNaN", x), g.constant(np.asarray(0), "float32"), x)
        x = g.cast(x, "float64")
        # the largest double below what would not fit
        top = np.nextafter(2.0**63, 0) if after == "int64" else float(high)
        ends = (g.constant(np.asarray(v), "float64") for v in (float(low), top))
        return g.cast(g.add("Clip", x, *ends), after)
    if before == "int64" and after == "int32":
        return _wrapped(g, x)
    if after in _UNSIGNED and before != "bool":
        return narrow(g, g.cast(x, "int64"), after)
    return g.cast(x, after)


@rule("bitcast")
def _bitcast(g: Graph, i: Instruction, inputs: Sequence[str]) -> str:
    before, after = dtype_of(i), param(i, "dtype").name
    if {before, after} == {"int32", "uint32"}:
        x = g.cast(inputs[0], "int64")
        return _wrapped(g, x) if after == "int32" else narrow(g, x, after)
    raise refuse(
        i,
        f"ONNX has no node that reads the bits of {before} as {after}; compute with "
        "values instead",
    )
