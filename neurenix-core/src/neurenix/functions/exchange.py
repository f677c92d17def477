"""Sharing memory with other array libraries, through DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dispatch
from ..devices import parse_device
from ..dtypes import as_dtype
from ..errors import ExchangeError, InvalidArgumentError
from ..primitives import TensorType
from ..primitives.sources import ConstantArray
from ..settings import backend_of, current_device
from ..tensor import Tensor, tensor

_HOST = (1, 0)  # DLPack's name for the processor's memory
_VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"


def dlpack_device(x: Tensor) -> tuple[int, int]:
    """(1, 0), the host: what other libraries see of a tensor is its value there."""
    return _HOST


def dlpack(
    x: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """The capsule that `from_dlpack` of another library takes.

    Nothing is copied where the device's memory is the host's and the other side knows
    read-only memory (DLPack 1.0): a tensor is immutable, and its memory is kept, and
    not written, for as long as the other side holds it. Otherwise it gets a copy.
    (PyTorch takes read-only memory without a word: do not write in place into what it
    makes of a tensor; `torch.from_dlpack(x).clone()` is its own.)

    copy=False asks for no copy, copy=True for one of its own, which it may write.
    Raises ExchangeError where that cannot be, and for another device than the host.
    """
    if stream is not None:
        raise ExchangeError(f"__dlpack__: stream={stream!r}; the host has no streams")
    if dl_device is not None and tuple(dl_device) != _HOST:
        raise ExchangeError(
            f"__dlpack__: dl_device={dl_device!r}; a tensor is exported to the host, "
            f"{_HOST}"
        )
    array = x.numpy()
    shared = isinstance(x.data, ConstantArray) or array.base is not None or not x.size
    knows_read_only = _VERSIONED and max_version is not None and max_version[0] >= 1
    if copy is False and not (shared and knows_read_only):
        why = (
            "the consumer knows no read-only memory (DLPack 1.0)"
            if shared
            else f"the memory of {x.device} is not the host's"
        )
        raise ExchangeError(f"__dlpack__: copy=False, but {why}")
    if knows_read_only:
        return array.__dlpack__(max_version=max_version, copy=True if copy else None)
    return np.array(array).__dlpack__()


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor from an array of another library (NumPy, PyTorch, JAX, ...).

    x       anything with `__dlpack__`, in the host's memory
    device  where the tensor is to live; without it, on the device of `nx.init`
    copy    True for memory of its own; False to refuse a copy; without it, the memory
            is shared where the device can use it: in row-major order, aligned as the
            device asks (an engine for the host: to 64 bytes)

    The dtype is the array's. A tensor is immutable: Neurenix never writes into memory
    that it shares, and whoever made the array must not either while the tensor is used.

    Raises InvalidArgumentError for what has no `__dlpack__` or cannot be read from the
    host, DtypeError for a dtype that Neurenix has not, ExchangeError where copy=False
    cannot be had.

    >>> import numpy as np, neurenix as nx
    >>> nx.from_dlpack(np.arange(3.0)).dtype
    neurenix.float64
    """
    if isinstance(x, Tensor):
        if copy or (device is not None and parse_device(device) != x.device):
            return tensor(x, device=device or x.device)
        return x
    if not hasattr(x, "__dlpack__"):
        raise InvalidArgumentError(
            f"from_dlpack: {x!r}, a {type(x).__name__} has no __dlpack__; see nx.tensor"
        )
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"from_dlpack: cannot read the {type(x).__name__} from the host: {error}"
        ) from error
    dtype = as_dtype(array.dtype)
    where = current_device() if device is None else parse_device(device)
    kind = TensorType(array.shape, dtype)
    if not copy and array.flags.c_contiguous and dispatch.recorder() is None:
        backend = backend_of(where, "from_dlpack")
        if dtype in backend.capabilities(where.index).dtypes:
            buffer = backend.adopt(array, kind, where.index)
            if buffer is not None:
                return Tensor(buffer, kind, where)
    if copy is False:
        raise ExchangeError(
            f"from_dlpack: copy=False, but {where} cannot use the memory of this array "
            f"(strides {array.strides}, address {array.ctypes.data:#x})"
        )
    return tensor(array, dtype=dtype, device=device)
