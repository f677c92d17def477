"""A tensor where Python or NumPy expects a number or an array: formats, `round`,
`math.floor`, `divmod`, `in`, np.mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..arguments import whole
from ..dtypes import bool_, float64
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..primitives.shorthands import scalar_like
from ..tensor import Tensor
from . import arithmetic
from .operands import cast


def _format(x: Tensor, spec: str) -> str:
    """f"{x:.3f}" of one element is that of the number."""
    if not spec:
        return str(x)
    if x.size != 1:
        raise InvalidArgumentError(
            f"format {spec!r}: a tensor of shape {x.shape} has {x.size} elements, not "
            "1; format x.mean(), say, or each number of x.tolist()"
        )
    return format(x.item(), spec)


def _round(x: Tensor, digits: Any = None) -> Tensor:
    """round(x, digits), elementwise, halves to even: a tensor of the same dtype."""
    count = 0 if digits is None else whole("round", "digits", digits)
    if not x.dtype.is_floating:
        if count >= 0 or x.dtype is bool_:
            return x
        return cast(_round(cast(x, float64), count), x.dtype)
    if not count:
        return ops.round(x)
    power = 10.0 ** min(abs(count), 300)
    if power > arithmetic.largest(x.dtype):  # digits below all of them, or above
        none = ops.where(ops.is_finite(x), scalar_like(x, 0), x)
        return x if count > 0 else none
    unit = scalar_like(x, power)  # whole, as powers of ten below 1 are not exact
    if count < 0:
        return ops.mul(ops.round(ops.div(x, unit)), unit)
    scaled = ops.mul(x, unit)
    found = ops.div(ops.round(scaled), unit)
    return ops.where(ops.is_finite(scaled), found, x)


def _contains(x: Tensor, value: Any) -> bool:
    """Whether an element equals value, as NumPy has it."""
    equal = x == value
    if not isinstance(equal, Tensor):
        return bool(equal)
    return bool(ops.any(equal, axes=tuple(range(equal.ndim))))


def _array_function(
    x: Tensor, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
) -> Any:
    """NumPy's functions take tensors as arrays, and give arrays."""
    convert = _of_its_shape if function in _OF_SHAPES else Tensor.numpy
    args, kwargs = tree.map_leaves(
        lambda leaf: convert(leaf) if isinstance(leaf, Tensor) else leaf, (args, kwargs)
    )
    return function(*args, **kwargs)


_OF_SHAPES = (np.shape, np.ndim, np.size)


def _of_its_shape(x: Tensor) -> Any:
    """Also of one that is being captured, whose values are not known."""
    return np.broadcast_to(np.zeros((), bool), x.shape)


def _whole(rounding: Callable[[Any], int]) -> Callable[[Tensor], int]:
    def whole_number(x: Tensor) -> int:
        return rounding(x.item())

    return whole_number


def _divmod(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    return arithmetic.floor_divide(a, b), arithmetic.remainder(a, b)


def _rdivmod(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    return _divmod(b, a)


SPECIAL: dict[str, Callable[..., Any]] = {
    "format": _format,
    "round": _round,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "trunc": _whole(math.trunc),
    "divmod": _divmod,
    "rdivmod": _rdivmod,
    "contains": _contains,
    "array_function": _array_function,
}
