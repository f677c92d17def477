"""One elementwise operation as a WGSL expression on words.

Floats are compared, negated and selected in integers: a compiler may assume that there
is no NaN and no infinity, but not that a word is not what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurenix.dtypes import Dtype

_ORDER = {"less": "lt", "less_equal": "le", "equal": "eq"}
_SWAPPED = {"greater": "less", "greater_equal": "less_equal"}
_SIGNS = {"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<="}
_BITWISE = {"bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}
_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*"}
# A function of the library for each: name_f.
_FLOAT_FUNCTIONS = frozenset(
    [
        *("add", "sub", "mul", "div", "remainder", "pow", "sqrt", "rsqrt", "floor"),
        *("round", "exp", "log", "log1p", "tanh", "erf"),
        *("sin", "cos", "tan", "atan", "atan2"),
    ]
)


def kind(dtype: Dtype) -> str:
    """f, i, u or b."""
    return {"float": "f", "int": "i", "uint": "u", "bool": "b"}[dtype.kind]


def expression(
    name: str,
    out: Dtype,
    inputs: Sequence[Dtype],
    a: Sequence[str],
    immediate: int = 0,
) -> str:
    """The word of an operation's result; `a`: the words of its inputs."""
    if name == "integer_pow":
        return _integer_pow(out, a[0], immediate)
    rule = _RULES.get(name)
    if rule is not None:
        return rule(out, inputs, a)
    k = kind(inputs[-1])
    if k == "f":
        return _of_float(name, a)
    return _narrowed(_of_integer(name, k, a), out)


def _flag(condition: str) -> str:
    return f"select(0u, 1u, {condition})"


def _signed(word: str) -> str:
    return f"bitcast<i32>({word})"


def _narrowed(word: str, dtype: Dtype) -> str:
    return f"({word} & 255u)" if dtype.name == "uint8" else word


def _compare(name: str) -> Rule:
    def rule(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
        k, (x, y), wanted = kind(inputs[-1]), a, name
        if wanted in _SWAPPED:
            x, y, wanted = y, x, _SWAPPED[wanted]
        if k == "f":
            negated = wanted == "not_equal"
            call = f"{_ORDER['equal' if negated else wanted]}({x}, {y})"
            return _flag(f"!{call}" if negated else call)
        if k == "i":
            x, y = _signed(x), _signed(y)
        return _flag(f"{x} {_SIGNS[wanted]} {y}")

    return rule


def _bitwise(sign: str) -> Rule:
    return lambda out, inputs, a: f"({a[0]} {sign} {a[1]})"


def _where(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
    return f"select({a[2]}, {a[1]}, {a[0]} != 0u)"


def _is_finite(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
    if kind(inputs[0]) != "f":
        return "1u"
    return _flag(f"({a[0]} & 0x7fffffffu) < 0x7f800000u")


def _cast(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
    source, target, (x,) = kind(inputs[0]), kind(out), a
    if target == "b":
        return _flag(f"({x} << 1u) != 0u" if source == "f" else f"{x} != 0u")
    if target == "f":
        if source != "f":
            x = f"bitcast<u32>(f32({_signed(x) if source == 'i' else x}))"
        narrows = out.itemsize == 2 and inputs[0] is not out
        return f"rounded_to_half({x})" if narrows else x
    if source == "f":
        if out.name == "uint8":
            return f"min(f_to_u({x}), 255u)"
        return f"f_to_{target}({x})"
    return _narrowed(x, out)


def _integer_pow(out: Dtype, x: str, exponent: int) -> str:
    if kind(out) == "f":
        if exponent in (2, 3):  # without the loop, which takes long to compile
            square = f"mul_f({x}, {x})"
            return square if exponent == 2 else f"mul_f({x}, {square})"
        return f"integer_pow_f({x}, {exponent})"
    return _narrowed(f"integer_pow_u({x}, {exponent}u)", out)


def _shift_left(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
    return _narrowed(f"select(0u, {a[0]} << ({a[1]} & 31u), {a[1]} < 32u)", out)


def _shift_right(out: Dtype, inputs: Sequence[Dtype], a: Sequence[str]) -> str:
    x, by = a[0], f"({a[1]} & 31u)"
    signed = kind(inputs[-1]) == "i"
    shifted = f"bitcast<u32>({_signed(x)} >> {by})" if signed else f"({x} >> {by})"
    return f"select(0u, {shifted}, {a[1]} < 32u)"


Rule = Callable[[Dtype, Sequence[Dtype], Sequence[str]], str]

_RULES: dict[str, Rule] = {
    **{name: _compare(name) for name in (*_SIGNS, *_SWAPPED)},
    **{name: _bitwise(sign) for name, sign in _BITWISE.items()},
    "where": _where,
    "is_finite": _is_finite,
    "logical_not": lambda out, inputs, a: f"(1u - {a[0]})",
    "bitcast": lambda out, inputs, a: a[0],
    "cast": _cast,
    "shift_left": _shift_left,
    "shift_right": _shift_right,
}


def _of_float(name: str, a: Sequence[str]) -> str:
    x = a[0]
    if name == "neg":
        return f"({x} ^ 0x80000000u)"
    if name == "abs":
        return f"({x} & 0x7fffffffu)"
    if name in ("sign", "maximum", "minimum") or name in _FLOAT_FUNCTIONS:
        return f"{name}_f({', '.join(a)})"
    raise NotImplementedError(name)


def _of_integer(name: str, k: str, a: Sequence[str]) -> str:
    x = a[0]
    if name in _ARITHMETIC:
        return f"({x} {_ARITHMETIC[name]} {a[1]})"
    if name == "neg":
        return f"(0u - {x})"
    if name == "sign":
        return f"bitcast<u32>(sign({_signed(x)}))" if k == "i" else f"min({x}, 1u)"
    if name == "abs":
        return f"bitcast<u32>(abs({_signed(x)}))" if k == "i" else x
    if name in ("maximum", "minimum"):
        sign = ">" if name == "maximum" else "<"
        p, q = (_signed(v) if k == "i" else v for v in a)
        return f"select({a[1]}, {a[0]}, {p} {sign} {q})"
    if name == "remainder":
        return f"rem_{k}({a[0]}, {a[1]})"
    raise NotImplementedError(name)


ELEMENTWISE = frozenset(
    {
        *_RULES,
        *_FLOAT_FUNCTIONS,
        "neg",
        "abs",
        "sign",
        "maximum",
        "minimum",
        "integer_pow",
    }
)
