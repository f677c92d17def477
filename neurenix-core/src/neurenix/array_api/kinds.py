"""Dtypes: what they are, how they combine, what they can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dtypes import ALL, Dtype, as_dtype, promote
from ..errors import DtypeError, InvalidArgumentError
from ..functions.operands import cast
from ..functions.shape import broadcast_to
from ..primitives.broadcasting import broadcast_shapes
from ..tensor import Tensor

STANDARD = [d for d in ALL if d.name not in ("float16", "bfloat16")]
_KINDS = {
    "bool": {"bool"},
    "signed integer": {"int"},
    "unsigned integer": {"uint"},
    "integral": {"int", "uint"},
    "real floating": {"float"},
    "complex floating": set(),
    "numeric": {"int", "uint", "float"},
}


@dataclass(frozen=True)
class FloatInfo:
    """Limits of a floating dtype, as Python floats."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Dtype


@dataclass(frozen=True)
class IntegerInfo:
    """Limits of an integer dtype, as Python ints."""

    bits: int
    max: int
    min: int
    dtype: Dtype


def _dtype(x: Any) -> Dtype:
    return x.dtype if isinstance(x, Tensor) else as_dtype(x)


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating dtype, or of a tensor's."""
    dtype = _dtype(type)
    if not dtype.is_floating:
        raise DtypeError(f"finfo: {dtype.name} is not floating; see iinfo")
    i = np.finfo(dtype.numpy)
    return FloatInfo(
        i.bits,
        float(i.eps),
        float(i.max),
        float(i.min),
        float(i.smallest_normal),
        dtype,
    )


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer dtype, or of a tensor's."""
    dtype = _dtype(type)
    if dtype.kind not in ("int", "uint"):
        raise DtypeError(f"iinfo: {dtype.name} is no integer; see finfo")
    i = np.iinfo(dtype.numpy)
    return IntegerInfo(i.bits, int(i.max), int(i.min), dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is another one, of a kind ("integral"), or one of several."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise InvalidArgumentError(
                f"isdtype: kind={kind!r}; expected one of {', '.join(_KINDS)}"
            )
        return _dtype(dtype).kind in _KINDS[kind]
    return _dtype(dtype) is _dtype(kind)


def result_type(*arrays_and_dtypes: Any) -> Dtype:
    """The dtype of an operation on all; Python numbers take that of the others."""
    given = [
        _dtype(x)
        for x in arrays_and_dtypes
        if isinstance(x, type) or not isinstance(x, (bool, int, float))
    ]
    if not given:
        raise InvalidArgumentError("result_type: expected a tensor or a dtype")
    result = given[0]
    for dtype in given[1:]:
        result = promote(result, dtype)
    return result


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether promotion takes one dtype to the other."""
    return promote(_dtype(from_), _dtype(to)) is _dtype(to)


def astype(
    x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None
) -> Tensor:
    """x with another dtype."""
    out = cast(x, _dtype(dtype))
    return out if device is None else out.to(device)


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """All with the shape that they broadcast to."""
    shape = broadcast_shapes("broadcast_arrays", [x.shape for x in arrays])
    return [broadcast_to(x, shape) for x in arrays]


def integer_sum(x: Tensor, dtype: Any) -> Tensor:
    """x with the dtype that the standard sums it in: small integers become 32 bits."""
    if dtype is not None:
        return cast(x, _dtype(dtype))
    if x.dtype.kind == "bool":
        return cast(x, as_dtype("int32"))
    small = x.dtype.kind == "uint" and x.dtype.itemsize < 4
    return cast(x, as_dtype("uint32")) if small else x


__all__ = [
    "astype",
    "broadcast_arrays",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]
