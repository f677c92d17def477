"""Tensors from nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dispatch
from ..arguments import finite, number
from ..backends import discovery
from ..backends.memory import host_available, no_memory, require
from ..devices import parse_device
from ..dtypes import Dtype, as_dtype, float32, int32
from ..errors import DtypeError, InvalidArgumentError, OutOfMemoryError
from ..primitives import TensorType, ops
from ..settings import backend_of, current_device
from ..sizes import check_size
from ..tensor import Tensor, fits, literal, tensor
from .axes import check_shape
from .operands import as_tensor, cast


def _made(
    name: str,
    shape: tuple[int, ...],
    dtype: Dtype,
    device: Any,
    array: Callable[[], np.ndarray[Any, Any]],
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of what `array` gives, which is called once there is room for it."""
    check_size(name, shape, dtype)
    where = current_device() if device is None else parse_device(device)
    backend = backend_of(where, name)
    can = backend.capabilities(where.index)
    if dtype not in can.dtypes:
        lacks = discovery.lacks_dtype(backend, where.index, dtype)
        raise DtypeError(f"{name}: {lacks}")
    nbytes = TensorType(shape, dtype).nbytes
    what = f"{name}: a {dtype.name} tensor of shape {shape} on {where}"
    if 0 < can.tensor_bytes < nbytes:
        raise OutOfMemoryError(
            f"{what} needs {nbytes} bytes; one tensor there can have at most "
            f"{can.tensor_bytes}: make several smaller ones, or choose another device"
        )
    require(what, nbytes, host_available)
    try:
        return tensor(array(), dtype, device, requires_grad)
    except MemoryError as error:
        if isinstance(error, OutOfMemoryError):
            raise
        raise no_memory(what, nbytes, host_available()) from None


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
    value = number("full", "value", value)
    if dispatch.recorder() is not None and not requires_grad:
        return ops.broadcast(literal(np.asarray(value, kind.numpy), kind), shape=size)

    fits("full", np.asarray(value), kind)

    def array() -> np.ndarray[Any, Any]:
        return np.full(size, value, kind.numpy)

    return _made("full", size, kind, device, array, requires_grad)


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


def asarray(x: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor from numbers, nested lists or an array, as `nx.tensor`; one that has the
    dtype and is on the device already stays what it is, tracked or not.

    >>> import neurenix as nx
    >>> x = nx.ones(2)
    >>> nx.asarray(x) is x, nx.asarray([1, 2]).dtype.name
    (True, 'int32')
    """
    if not isinstance(x, Tensor):
        return tensor(x, dtype, device)
    kept = x if dtype is None else cast(x, as_dtype(dtype))
    return kept if device is None else kept.to(device)


def _full_like(x: Tensor, value: float, dtype: Any) -> Tensor:
    kind = x.dtype if dtype is None else as_dtype(dtype)
    value = number("full_like", "value", value)
    if x.device is None and dispatch.recorder() is None:  # a literal's is a literal
        one = literal(np.full((), value, kind.numpy), kind)
        return ops.broadcast(one, shape=x.shape) if x.shape else one
    return full(x.shape, value, dtype=kind, device=x.device)


def zeros_like(x: Any, *, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    return _full_like(x, 0, dtype)


def ones_like(x: Any, *, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    return _full_like(x, 1, dtype)


def full_like(x: Any, value: float, *, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    return _full_like(x, value, dtype)


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
    start = finite("arange", "start", start)
    end: Any = finite("arange", "stop", stop)
    step = finite("arange", "step", step)
    if step == 0:
        raise InvalidArgumentError("arange: step=0; expected another number")
    whole = not any(isinstance(v, float) for v in (start, end, step))
    kind = as_dtype(dtype) if dtype is not None else int32 if whole else float32
    count = max(0, -((start - end) // step))
    return _made(
        "arange", (int(count),), kind, device, lambda: np.arange(start, end, step)
    )


def linspace(
    start: float, stop: float, count: int, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """`count` evenly spaced numbers, both ends included."""
    start, stop = finite("linspace", "start", start), finite("linspace", "stop", stop)
    [size] = check_shape("linspace: count", (count,))
    kind = as_dtype(dtype) if dtype is not None else float32
    return _made(
        "linspace", (size,), kind, device, lambda: np.linspace(start, stop, size)
    )


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """Ones on the diagonal of an n by m matrix."""
    shape = check_shape("eye", (n, n if m is None else m))
    kind = as_dtype(dtype) if dtype is not None else float32
    return _made("eye", shape, kind, device, lambda: np.eye(*shape, dtype=kind.numpy))


def one_hot(x: Any, classes: int, *, dtype: Any = None) -> Tensor:
    """x int [...] -> [..., classes]: 1 at the class, 0 elsewhere (float32 by default).

    >>> import neurenix as nx
    >>> nx.one_hot(nx.tensor([1, 0]), 2).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    x = as_tensor(x)
    [classes] = check_shape("one_hot: classes", (classes,))
    if x.dtype.is_floating:
        raise InvalidArgumentError(f"one_hot: classes are integers, not {x.dtype.name}")
    kind = as_dtype(dtype) if dtype is not None else float32
    ramp = ops.iota(shape=(classes,), axis=0, dtype=int32)
    chosen = ops.equal(ops.reshape(cast(x, int32), shape=(*x.shape, 1)), ramp)
    return cast(chosen, kind)
