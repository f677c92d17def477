"""Operands of functions: tensors of the dtype and on the device that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dispatch
from ..dtypes import Dtype, float32, promote
from ..errors import DtypeError
from ..primitives import ops
from ..tensor import Tensor, number, tensor


def as_tensor(x: Any, like: Any = None) -> Tensor:
    """x, or what it holds as a tensor: where `like` lives, if that is one."""
    if isinstance(x, Tensor):
        return x
    return beside(like, x) if isinstance(like, Tensor) else tensor(x)


def beside(x: Tensor, data: Any, dtype: Dtype | None = None) -> Tensor:
    """Numbers or an array as a tensor where x lives."""
    if x.device is None or dispatch.recorder() is not None:
        return tensor(data, dtype=dtype)
    return tensor(data, dtype=dtype, device=x.device)


def cast(x: Tensor, dtype: Dtype) -> Tensor:
    return x if x.dtype is dtype else ops.cast(x, dtype=dtype)


def _is_number(x: Any) -> bool:
    return isinstance(
        x, (bool, int, float, np.bool_, np.integer, np.floating)
    ) and not isinstance(x, np.ndarray)


def operands(name: str, *xs: Any) -> Sequence[Tensor]:
    """Tensors of one dtype. Python numbers are weak: they take the tensors' dtype, but
    a float among integers makes float32."""
    if len(xs) == 2:  # by far the most: nothing to settle
        a, b = xs
        if isinstance(a, Tensor):
            dtype = a.type.dtype
            if isinstance(b, Tensor):
                if b.type.dtype is dtype:
                    return xs
            elif type(b) is float and dtype.is_floating:
                return a, number(b, dtype)
    like = next((x for x in xs if isinstance(x, Tensor)), None)
    tensors = [
        x if isinstance(x, Tensor) or _is_number(x) else as_tensor(x, like) for x in xs
    ]
    dtypes = [x.dtype for x in tensors if isinstance(x, Tensor)]
    if not dtypes:
        return operands(name, tensor(xs[0]), *xs[1:])
    dtype = dtypes[0]
    for d in dtypes[1:]:
        dtype = promote(dtype, d)
    for x in tensors:
        if isinstance(x, Tensor):
            continue
        if isinstance(x, (float, np.floating)) and not dtype.is_floating:
            dtype = float32
        elif dtype.kind == "bool" and not isinstance(x, (bool, np.bool_)):
            dtype = promote(dtype, tensor(x).dtype)
    return [
        cast(x, dtype) if isinstance(x, Tensor) else _weak(name, x, dtype)
        for x in tensors
    ]


def _weak(name: str, x: Any, dtype: Dtype) -> Tensor:
    try:
        return number(x, dtype)
    except OverflowError:
        raise DtypeError(f"{name}: {x} does not fit {dtype.name}") from None


def floating(name: str, x: Any, like: Any = None) -> Tensor:
    """x, an integer or bool tensor as float32; numbers where `like` lives, if that is
    a tensor."""
    x = as_tensor(x, like)
    return x if x.dtype.is_floating else cast(x, float32)
