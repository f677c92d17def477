"""Tensor: the value that a user holds; a buffer on a device, a symbol in a program that
is being captured, or a literal that belongs to no device yet. Tensors do not change,
save the variables among them: cells, each of which holds one (`state/cell.py`).

What it computes with stands in `functions`, which hangs its methods and operators here.
"""

from __future__ import annotations

import reprlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dispatch
from .backends import discovery
from .devices import Device, parse_device
from .dtypes import ALL, Dtype, as_dtype, default_for
from .errors import (
    CaptureError,
    DtypeError,
    InvalidArgumentError,
    ShapeError,
)
from .primitives import TensorType, ops
from .primitives.sources import ConstantArray
from .program import Symbol
from .settings import backend_of, current_device
from .sizes import ElementCount
from .tape import Leaf
from .user_lines import user_line

if TYPE_CHECKING:  # what `functions.operators` hangs on Tensor
    from .methods import Methods

    class _Hung(Methods["Tensor"]): ...

else:
    _Hung = object


class Tensor(_Hung):
    """A multi-dimensional array on a device. Make one with `nx.tensor`.

    shape, dtype, device, ndim, size   what it is; `device` is None for a literal
    requires_grad, grad                whether the tape follows; what `backward` found

    Operations follow NumPy's broadcasting and names; `dim` and `axis` mean the same.
    NumPy's own functions take tensors as arrays, and give arrays.
    """

    __slots__ = ("__weakref__", "data", "device", "index", "node", "type")
    __array_priority__ = 1000

    def __init__(
        self,
        data: Any,
        type: TensorType,
        device: Device | None,
        node: Any = None,
        index: int = 0,
    ) -> None:
        self.data: Any = data
        self.type: TensorType = type
        self.device: Device | None = device
        self.node: Any = node
        self.index: int = index

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape

    @property
    def dtype(self) -> Dtype:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def size(self) -> ElementCount:
        count = ElementCount(self.type.size)
        count.shape = self.type.shape
        return count

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @property
    def is_leaf(self) -> bool:
        return self.node is None or isinstance(self.node, Leaf)

    @property
    def grad(self) -> Tensor | None:
        return self.node.grad if isinstance(self.node, Leaf) else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if not isinstance(self.node, Leaf):
            raise InvalidArgumentError("grad: only a leaf that requires grad has one")
        if value is not None and value.shape != self.shape:
            raise ShapeError(
                f"grad: a gradient of shape {value.shape} "
                f"for a tensor of shape {self.shape}"
            )
        self.node.grad = value

    def detach(self) -> Tensor:
        """The same value, which the tape does not follow."""
        plain = Tensor(self.data, self.type, self.device)
        if self.dtype.is_floating and dispatch.recorder() is not None:
            # a program forgets tapes: the stop must stand in it
            return ops.stop_gradient(plain)
        return plain

    def settled(self, device: Device | None) -> Tensor:
        """The same value; a literal is put on this device."""
        if self.device is not None or device is None or isinstance(self.data, Symbol):
            return self
        if dispatch.recorder() is not None:
            return self
        data = dispatch.on_device(self.data, device)
        return Tensor(data, self.type, device, self.node, self.index)

    def value(self) -> Tensor:
        """This tensor; of a mutable cell, what it holds now."""
        return self

    # ---- to the host -----------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """A read-only array, sharing memory with the device where it can."""
        if isinstance(self.data, ConstantArray):
            return self.data.array
        if isinstance(self.data, Symbol):
            raise CaptureError(
                "a value was asked for while a program is being captured: "
                "the program cannot depend on it. "
                "Use nx.where or nx.scan for what depends on values; to look at them, "
                "compile=False (of meta_learn, evaluate, adapt_to_task) or "
                f"nx.debug.eager(). ({user_line() or 'unknown line'})"
            )
        if self.device is None:  # of literals alone
            here = current_device()
            found = dispatch.on_device(self.data, here)
            return discovery.backend(here.type).download(found, self.type)
        return discovery.backend(self.device.type).download(self.data, self.type)

    def _read(self) -> np.ndarray[Any, Any]:
        """The values, for callers that compute with them: refused in a capture, since
        the program would not see another value later."""
        recorder = dispatch.recorder()
        if recorder is not None and not isinstance(self.data, (Symbol, ConstantArray)):
            recorder.outside(
                f"the values of a tensor from outside ({self.type})",
                "which become part of the program as they are now: pass them as an "
                "argument, or wrap the tensor in nx.constant if it never changes",
            )
        return self.numpy()

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.size != 1:
            raise InvalidArgumentError(
                f"item: a tensor of shape {self.shape} has {self.size} elements, not 1"
            )
        return self._read().reshape(()).item()

    def tolist(self) -> Any:
        return self._read().tolist()

    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        array = self._read()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise InvalidArgumentError(
                f"the truth of a tensor of shape {self.shape} is ambiguous; "
                "use .any() or .all()"
            )
        return bool(self.item())

    def __index__(self) -> int:
        if self.dtype.is_floating:
            raise DtypeError(f"a {self.dtype.name} tensor is no index")
        return int(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise DtypeError("a tensor of rank 0 has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        suffix = "" if self.dtype.name == "float32" else f", dtype={self.dtype.name}"
        if self.requires_grad:
            suffix += ", requires_grad=True"
        if isinstance(self.data, Symbol):
            return f"tensor(<{self.type} being captured>{suffix})"
        text = np.array2string(
            self.numpy(), separator=", ", prefix="tensor(", precision=4, threshold=64
        )
        where = (
            ""
            if self.device is None or str(self.device) == "cpu:0"
            else f', device="{self.device}"'
        )
        return f"tensor({text}{suffix}{where})"

    def to(self, target: Any) -> Tensor:
        """On another device ("cuda:0"), or with another dtype (nx.float64)."""
        if isinstance(target, Dtype):
            return self if target is self.dtype else ops.cast(self, dtype=target)
        if isinstance(target, str) and target in _DTYPE_NAMES:
            return self.to(as_dtype(target))
        device = parse_device(target)
        if device == self.device or isinstance(self.data, Symbol):
            return self
        return tensor(self.numpy(), dtype=self.dtype, device=device)

    def __reduce__(self) -> Any:
        return _restore, (
            np.array(self.numpy()),
            self.dtype.name,
            isinstance(self.node, Leaf),
        )

    def __deepcopy__(self, memo: Any) -> Tensor:
        if self.node is None:
            return self
        leaf = isinstance(self.node, Leaf)
        return tensor(self.numpy(), self.dtype, self.device, requires_grad=leaf)


_NUMBERS_BOUND = 4096
_DTYPE_NAMES = {dtype.name for dtype in ALL}


def _restore(array: np.ndarray[Any, Any], dtype: str, requires_grad: bool) -> Tensor:
    return tensor(array, dtype=dtype, requires_grad=requires_grad)


def host_array(data: Any, dtype: Any = None) -> tuple[np.ndarray[Any, Any], Dtype]:
    """Numbers, lists or arrays as a NumPy array, and the dtype that the tensor gets."""
    try:
        array = np.asarray(data)
    except ValueError:
        raise ShapeError(
            f"tensor: the ragged list {reprlib.repr(data)} has no shape; "
            "expected rows of one length"
        ) from None
    if array.dtype.kind not in "biufV":  # V: bfloat16, which NumPy does not know
        raise DtypeError(
            "tensor: expected numbers, lists of numbers or an array, "
            f"not {reprlib.repr(data)}"
        )
    wanted = default_for(array) if dtype is None else as_dtype(dtype)
    fits("tensor", array, wanted)
    if array.dtype != wanted.numpy:
        array = array.astype(wanted.numpy)
    return array, wanted


def fits(name: str, array: np.ndarray[Any, Any], dtype: Dtype) -> None:
    """Raises DtypeError where a number would become another one in an integer dtype."""
    if dtype.kind not in ("int", "uint") or array.dtype.kind not in "iuf":
        return
    if array.dtype == dtype.numpy or not array.size:
        return
    limits = np.iinfo(dtype.numpy)
    for value in (array.min(), array.max()):  # NaN is both
        if not limits.min <= value <= limits.max:
            raise DtypeError(
                f"{name}: {value} does not fit {dtype.name}, which has "
                f"{limits.min} to {limits.max}"
            )


def literal(array: Any, dtype: Dtype) -> Tensor:
    """A constant that belongs to no device, from a number or an array."""
    constant = ConstantArray(np.asarray(array, dtype.numpy), dtype)
    return Tensor(constant, constant.type, None)


_NUMBERS: OrderedDict[Any, Tensor] = OrderedDict()


def number(value: Any, dtype: Dtype) -> Tensor:
    """The literal of a Python number; the same object for the same number."""
    key = dtype, value or repr(value)  # 0.0 and -0.0 are equal, and differ
    found = _NUMBERS.get(key)
    if found is None:
        found = _NUMBERS[key] = literal(value, dtype)
        if len(_NUMBERS) > _NUMBERS_BOUND:
            _NUMBERS.popitem(last=False)
    return found


def tensor(
    data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor from numbers, nested lists or an array (copied).

    float64 arrays become float32 and int64 arrays int32, unless `dtype` says otherwise;
    a tensor keeps its dtype. `device` defaults to the one of `nx.init`.

    Raises ShapeError for ragged lists, DtypeError for what is no number.

    >>> import neurenix as nx
    >>> nx.tensor([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if isinstance(data, Tensor):
        if dtype is None:
            dtype = data.dtype
        if isinstance(data.data, Symbol):
            return data.to(as_dtype(dtype))
        data = data.numpy()
    array, wanted = host_array(data, dtype)
    if requires_grad and not wanted.is_floating:
        raise DtypeError(
            f"tensor: only floating tensors can require grad, not {wanted.name}"
        )
    node: Leaf[Tensor] | None = Leaf() if requires_grad else None
    if dispatch.recorder() is not None and device is None:
        made = literal(array, wanted)  # created in a capture: a constant of the program
        made.node = node
        return made
    where = current_device() if device is None else parse_device(device)
    backend = backend_of(where, "tensor")
    if wanted not in backend.capabilities(where.index).dtypes:
        lacks = discovery.lacks_dtype(backend, where.index, wanted)
        raise DtypeError(f"tensor: {lacks}")
    kind = TensorType(array.shape, wanted)
    return Tensor(backend.upload(array, kind, where.index), kind, where, node)
