"""Hangs the functions on Tensor, as operators and methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import autograd
from ..dtypes import bool_, float32, float64, int32
from ..primitives import ops
from ..tensor import Tensor
from . import (
    arithmetic,
    arrangement,
    exchange,
    indexing,
    linear,
    linear_algebra,
    matrices,
    methods,
    protocols,
    reduction,
    shape,
    sorting,
)
from .operands import cast, operands


def _swapped(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(b, a)


_BINARY = {
    "add": arithmetic.add,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide,
    "mod": arithmetic.remainder,
    "pow": arithmetic.power,
    "matmul": linear.matmul,
}
_COMPARE = {
    "eq": arithmetic.equal,
    "ne": arithmetic.not_equal,
    "lt": arithmetic.less,
    "le": arithmetic.less_equal,
    "gt": arithmetic.greater,
    "ge": arithmetic.greater_equal,
}
_BITS = {"and": ops.bitwise_and, "or": ops.bitwise_or, "xor": ops.bitwise_xor}
_METHODS: dict[str, Callable[..., Any]] = {
    **{
        n: getattr(reduction, n)
        for n in (
            "sum",
            "mean",
            "var",
            "std",
            "prod",
            "cumsum",
            "count_nonzero",
            "max",
            "min",
            "argmax",
            "argmin",
            "any",
            "all",
            "norm",
        )
    },
    **{
        n: getattr(shape, n)
        for n in ("reshape", "flatten", "transpose", "permute", "squeeze")
    },
    **{
        n: getattr(arithmetic, n)
        for n in ("exp", "log", "sqrt", "sin", "cos", "tanh", "square", "clip", "round")
    },
    **{n: getattr(arrangement, n) for n in ("swapaxes", "roll", "tile", "unstack")},
    **{n: getattr(matrices, n) for n in ("diagonal", "trace", "tril", "triu", "outer")},
    **{n: getattr(arithmetic, n) for n in ("isclose", "allclose", "nan_to_num")},
    **{n: getattr(sorting, n) for n in ("sort", "argsort", "topk")},
    **{n: getattr(linear_algebra, n) for n in ("cholesky", "det", "slogdet")},
    **methods.METHODS,
    "view": shape.reshape,
    "unsqueeze": shape.expand_dims,
    "expand": shape.broadcast_to,
    "abs": arithmetic.absolute,
    "backward": autograd.backward,
    "float": lambda x: cast(x, float32),
    "double": lambda x: cast(x, float64),
    "int": lambda x: cast(x, int32),
    "bool": lambda x: x if x.dtype is bool_ else x != 0,
}


def _bits(primitive: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda a, b: primitive(*operands(name, a, b))


def _invert(x: Tensor) -> Tensor:
    if x.dtype is bool_:
        return ops.logical_not(x)
    return ops.bitwise_xor(
        *operands(
            "~", x, -1 if x.dtype.kind == "int" else 2 ** (8 * x.dtype.itemsize) - 1
        )
    )


def _iter(x: Tensor) -> Iterator[Tensor]:
    return (x[i] for i in range(len(x)))


_SPECIAL: dict[str, Callable[..., Any]] = {
    "hash": object.__hash__,
    "dlpack": exchange.dlpack,
    "dlpack_device": exchange.dlpack_device,
    "neg": arithmetic.negative,
    "pos": arithmetic.positive,
    "abs": arithmetic.absolute,
    "invert": _invert,
    "getattr": methods.no_attribute,
    "getitem": indexing.get_item,
    "setitem": indexing.set_item,
    "iter": _iter,
    **protocols.SPECIAL,
}


def hung() -> dict[str, Callable[..., Any] | property]:
    """All that is hung on Tensor, by name."""
    found: dict[str, Callable[..., Any] | property] = {}
    for name, function in _BINARY.items():
        found[f"__{name}__"] = _operator(function)
        found[f"__r{name}__"] = _operator(_swapped(function))
    for name, function in _COMPARE.items():
        found[f"__{name}__"] = _operator(function)
    for name, primitive in _BITS.items():
        found[f"__{name}__"] = _bits(primitive, name)
        found[f"__r{name}__"] = _bits(primitive, name)
    for name, function in _SPECIAL.items():
        found[f"__{name}__"] = function
    found["T"] = property(shape.transpose)
    return found | _METHODS


def install() -> None:
    """Called once, when the package is imported."""
    for name, function in hung().items():
        setattr(Tensor, name, function)


_NEVER = (str, bytes, dict, set)


def _operator(function: Callable[..., Any]) -> Callable[..., Any]:
    """Unknown operands are Python's to refuse: the other side may know them."""

    def operator(a: Any, b: Any) -> Tensor:
        if type(b) is not Tensor and (b is None or isinstance(b, _NEVER)):
            return NotImplemented
        return function(a, b)

    operator.__name__ = function.__name__
    return operator
