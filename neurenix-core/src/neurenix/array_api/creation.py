"""Tensors from nothing and from other objects, by the standard's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import Dtype, as_dtype
from ..errors import DtypeError
from ..functions.arrangement import meshgrid as _meshgrid
from ..functions.exchange import from_dlpack
from ..functions.matrices import tril, triu
from ..tensor import Tensor, tensor


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
) -> Tensor:
    """A tensor from numbers, nested sequences, arrays or tensors. Arrays keep their
    dtype; Python floats become float32 and ints int32."""
    if isinstance(obj, Tensor):
        out = obj if dtype is None else obj.to(as_dtype(dtype))
        out = out if device is None else out.to(device)
        if copy and out is obj:  # values never change: a handle of its own will do
            return Tensor(obj.data, obj.type, obj.device, obj.node, obj.index)
        return out
    if isinstance(obj, (np.ndarray, np.generic)):
        wanted = as_dtype(obj.dtype if dtype is None else dtype)
        return tensor(obj, dtype=wanted, device=device)
    if hasattr(obj, "__dlpack__"):
        out = from_dlpack(obj, device=device, copy=copy)
        return out if dtype is None else out.to(as_dtype(dtype))
    return tensor(obj, dtype=dtype, device=device)


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def full(
    shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """One value everywhere; a dtype that is not given follows the value."""
    kind: Dtype = as_dtype(type(fill_value) if dtype is None else dtype)
    return tensor(np.full(_shape(shape), fill_value, kind.numpy), kind, device)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(shape, 0, dtype=dtype or float, device=device)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full(shape, 1, dtype=dtype or float, device=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros: there is no memory without a value."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(
    x: Tensor, /, fill_value: Any, *, dtype: Any = None, device: Any = None
) -> Tensor:
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device or x.device)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return full_like(x, 1, dtype=dtype, device=device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    return zeros_like(x, dtype=dtype, device=device)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    if stop is None:
        start, stop = 0, start
    return tensor(np.arange(start, stop, step), dtype=dtype, device=device)


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
) -> Tensor:
    if any(isinstance(v, complex) for v in (start, stop)):
        raise DtypeError("linspace: there are no complex dtypes")
    values = np.linspace(start, stop, num, endpoint=endpoint)
    return tensor(values, dtype=dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    return tensor(np.eye(n_rows, n_cols, k), dtype=dtype, device=device)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    return _meshgrid(*arrays, indexing=indexing)


__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]
