"""Tensors from nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dispatch
from ..dtypes import as_dtype, float32, int32
from ..errors import InvalidArgumentError
from ..primitives import ops
from ..tensor import Tensor, literal, tensor
from .common import as_tensor, cast, check_shape


def _made(
    array: np.ndarray[Any, Any], dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    return tensor(array, dtype=dtype, device=device, requires_grad=requires_grad)


def full(
    shape: Any,
    value: float,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value, float32 unless `dtype` says otherwise.

    >>> import neurenix as nx
    >>> nx.full((2,), 0.5).tolist()
    [0.5, 0.5]
    """
    kind = as_dtype(dtype) if dtype is not None else float32
    size = check_shape("full", shape if isinstance(shape, (tuple, list)) else (shape,))
    if dispatch.recorder() is not None and not requires_grad:
        return ops.broadcast(literal(np.asarray(value, kind.numpy), kind), shape=size)
    return _made(np.full(size, value, kind.numpy), kind, device, requires_grad)


def zeros(
    *shape: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of a shape, given as ints or one tuple.

    >>> import neurenix as nx
    >>> nx.zeros(2, 3).shape
    (2, 3)
    """
    return full(
        check_shape("zeros", shape),
        0,
        dtype=dtype,
        device=device,
        requires_grad=requires_grad,
    )


def ones(
    *shape: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of a shape, given as ints or one tuple."""
    return full(
        check_shape("ones", shape),
        1,
        dtype=dtype,
        device=device,
        requires_grad=requires_grad,
    )


def zeros_like(x: Tensor, *, dtype: Any = None) -> Tensor:
    return full(x.shape, 0, dtype=dtype or x.dtype, device=x.device)


def ones_like(x: Tensor, *, dtype: Any = None) -> Tensor:
    return full(x.shape, 1, dtype=dtype or x.dtype, device=x.device)


def full_like(x: Tensor, value: float, *, dtype: Any = None) -> Tensor:
    return full(x.shape, value, dtype=dtype or x.dtype, device=x.device)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """start, start + step, ... before stop; int32 for ints, else float32.

    >>> import neurenix as nx
    >>> nx.arange(3).tolist()
    [0, 1, 2]
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise InvalidArgumentError("arange: step=0")
    return _made(np.arange(start, stop, step), dtype, device, False)


def linspace(
    start: float, stop: float, count: int, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """`count` evenly spaced numbers, both ends included."""
    if count < 0:
        raise InvalidArgumentError(f"linspace: count={count}; expected 0 or more")
    return _made(np.linspace(start, stop, count), dtype, device, False)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Ones on the diagonal of an n by m matrix."""
    return _made(np.eye(n, m), dtype, device, False)


def one_hot(x: Any, classes: int, *, dtype: Any = None) -> Tensor:
    """x int [...] -> [..., classes]: 1 at the class, 0 elsewhere (float32 by default).

    >>> import neurenix as nx
    >>> nx.one_hot(nx.tensor([1, 0]), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    x = as_tensor(x)
    if x.dtype.is_floating:
        raise InvalidArgumentError(f"one_hot: classes are integers, not {x.dtype.name}")
    kind = as_dtype(dtype) if dtype is not None else float32
    ramp = ops.iota(shape=(classes,), axis=0, dtype=int32)
    chosen = ops.equal(ops.reshape(cast(x, int32), shape=(*x.shape, 1)), ramp)
    return cast(chosen, kind)
