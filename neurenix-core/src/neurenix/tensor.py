"""Tensor: the value that a user holds. Immutable; a buffer on a device, a symbol in a
program that is being captured, or a literal that belongs to no device yet.

What it computes with stands in `functions`, which hangs its methods and operators here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dispatch
from .backends import discovery
from .devices import Device, parse_device
from .dtypes import Dtype, as_dtype, default_for
from .errors import (
    CaptureError,
    DtypeError,
    InvalidArgumentError,
    ShapeError,
)
from .primitives import NotDifferentiable, Primitive, TensorType, set_interpreter
from .primitives.sources import ConstantArray
from .program import Symbol
from .settings import current_device
from .sources import user_line


class Leaf:
    """The tape's end at a tensor that requires grad; `backward` leaves its result here."""

    __slots__ = ("__weakref__", "grad")

    def __init__(self) -> None:
        self.grad: Tensor | None = None


class Node:
    """One recorded operation. It refers to what came before it and to data, never to the
    tensors that it made: nothing here can form a circle."""

    __slots__ = (
        "__weakref__",
        "device",
        "edges",
        "inputs",
        "outputs",
        "params",
        "primitive",
        "source",
        "types",
    )

    def __init__(
        self,
        primitive: Primitive | None,
        inputs: Any,
        params: Any,
        outputs: Any,
        types: Any,
        edges: Any,
        device: Any,
        source: str | None,
    ) -> None:
        self.primitive = (
            primitive  # None: an identity, the start of an inner derivative
        )
        self.inputs = inputs
        self.params = params
        self.outputs = outputs
        self.types = types
        self.edges = edges
        self.device = device
        self.source = source


class Tensor:
    """A multi-dimensional array on a device. Make one with `nx.tensor`.

    shape, dtype, device, ndim, size   what it is; `device` is None for a literal
    requires_grad, grad                whether the tape follows it; what `backward` found

    Operations follow NumPy's broadcasting and names; `dim` and `axis` mean the same.
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
        self.data = data
        self.type = type
        self.device = device
        self.node = node
        self.index = index

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
    def size(self) -> int:
        return self.type.size

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
                f"grad: a gradient of shape {value.shape} for a tensor of shape {self.shape}"
            )
        self.node.grad = value

    def detach(self) -> Tensor:
        """The same value, which the tape does not follow."""
        plain = Tensor(self.data, self.type, self.device)
        if self.dtype.is_floating and dispatch.recorder() is not None:
            return stopped(plain)  # a program forgets tapes: the stop must stand in it
        return plain

    def value(self) -> Tensor:
        """This tensor; of a mutable cell, what it holds now."""
        return self

    # ---- to the host ----------------------------------------------------------------

    def numpy(self) -> np.ndarray[Any, Any]:
        """A read-only array, sharing memory with the device where it can."""
        if isinstance(self.data, ConstantArray):
            return self.data.array
        if isinstance(self.data, Symbol):
            raise CaptureError(
                "a value was asked for while a program is being captured: the program cannot depend on it. "
                "Use nx.where or nx.scan for what depends on values, or compile=False."
                f" ({user_line() or 'unknown line'})"
            )
        assert self.device is not None
        return discovery.backend(self.device.type).download(self.data, self.type)

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self.size != 1:
            raise InvalidArgumentError(
                f"item: a tensor of shape {self.shape} has {self.size} elements, not 1"
            )
        return self.numpy().reshape(()).item()

    def tolist(self) -> Any:
        return self.numpy().tolist()

    def __array__(
        self, dtype: Any = None, copy: bool | None = None
    ) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise InvalidArgumentError(
                f"the truth of a tensor of shape {self.shape} is ambiguous; use .any() or .all()"
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
            return self if target is self.dtype else ops_cast(self, target)
        if (
            isinstance(target, str)
            and not isinstance(target, Device)
            and target in _DTYPE_NAMES
        ):
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
        return (
            self
            if self.node is None
            else _restore(np.array(self.numpy()), self.dtype.name, True)
        )

    if TYPE_CHECKING:  # what `functions.operators` hangs here
        T: Tensor

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __rfloordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __rmod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __rand__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __ror__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __rxor__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __hash__(self) -> int: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __setitem__(self, key: Any, value: Any) -> None: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def backward(self, gradient: Tensor | None = None) -> None: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def view(self, *shape: Any) -> Tensor: ...
        def expand(self, *shape: Any) -> Tensor: ...
        def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor: ...
        def transpose(self, *axes: Any) -> Tensor: ...
        def permute(self, *axes: Any) -> Tensor: ...
        def squeeze(self, axis: Any = None, *, dim: Any = None) -> Tensor: ...
        def unsqueeze(self, axis: int = 0) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def sin(self) -> Tensor: ...
        def cos(self) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def square(self) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def round(self) -> Tensor: ...
        def clip(self, low: Any = None, high: Any = None) -> Tensor: ...
        def sum(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def mean(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def max(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def min(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def argmax(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def argmin(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def any(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def all(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def norm(
            self, axis: Any = None, keepdims: bool = False, *, dim: Any = None
        ) -> Tensor: ...
        def var(
            self,
            axis: Any = None,
            keepdims: bool = False,
            *,
            dim: Any = None,
            correction: float = 0,
        ) -> Tensor: ...
        # last: from here on the class has these names for its own
        def double(self) -> Tensor: ...
        def float(self) -> Tensor: ...
        def int(self) -> Tensor: ...
        def bool(self) -> Tensor: ...


_DTYPE_NAMES = {
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int32",
    "int64",
    "uint8",
    "uint32",
    "bool",
}


def ops_cast(x: Tensor, dtype: Dtype) -> Tensor:
    from .primitives import ops

    return ops.cast(x, dtype=dtype)


def _restore(array: np.ndarray[Any, Any], dtype: str, requires_grad: bool) -> Tensor:
    return tensor(array, dtype=dtype, requires_grad=requires_grad)


def host_array(data: Any, dtype: Any = None) -> tuple[np.ndarray[Any, Any], Dtype]:
    """Numbers, lists or arrays as a NumPy array, and the dtype that it is to have."""
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"tensor: a ragged list has no shape ({error})") from None
    if array.dtype.kind not in "biufV":  # V: bfloat16, which NumPy does not know
        raise DtypeError(
            f"tensor: expected numbers, lists of numbers or an array, not {type(data).__name__}"
        )
    wanted = default_for(array) if dtype is None else as_dtype(dtype)
    if array.dtype != wanted.numpy:
        array = array.astype(wanted.numpy)
    return array, wanted


def literal(array: np.ndarray[Any, Any], dtype: Dtype) -> Tensor:
    constant = ConstantArray(np.asarray(array, dtype.numpy), dtype)
    return Tensor(constant, constant.type, None)


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
    node = Leaf() if requires_grad else None
    if dispatch.recorder() is not None and device is None:
        made = literal(array, wanted)  # created in a capture: a constant of the program
        made.node = node
        return made
    where = current_device() if device is None else parse_device(device)
    backend = discovery.backend(where.type)
    if wanted not in backend.capabilities(where.index).dtypes:
        have = ", ".join(
            sorted(d.name for d in backend.capabilities(where.index).dtypes)
        )
        raise DtypeError(
            f"tensor: the device {where} has no {wanted.name}; it has {have}"
        )
    kind = TensorType(array.shape, wanted)
    return Tensor(backend.upload(array, kind, where.index), kind, where, node)


# How often any cell was written: a compiled call whose number is still this one need
# not look whether its state is where it was.
writes = [0]


class Cell(Tensor):
    """A tensor that can be given another value: what a program calls state.

    Operations see the value that it holds when they are called.
    """

    __slots__ = ("name",)

    def __init__(
        self, value: Tensor, requires_grad: bool = False, name: str = ""
    ) -> None:
        super().__init__(
            value.data, value.type, value.device, Leaf() if requires_grad else None
        )
        self.name = name

    def value(self) -> Tensor:
        return Tensor(self.data, self.type, self.device, self.node, self.index)

    @property
    def is_state(self) -> bool:
        """Whether a program that is being captured has this cell as its state."""
        return isinstance(self.data, Symbol)

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape and dtype."""
        new = value if isinstance(value, Tensor) else tensor(value, dtype=self.dtype)
        if new.type != self.type:
            raise ShapeError(
                f"{self.name or 'a cell'} holds {self.type}; it cannot be given {new.type}"
            )
        if id(self) in _local.cells:  # a substitute's value: as tracked as it came
            self.data, self.device, self.node, self.index = (
                new.data,
                new.device,
                new.node,
                new.index,
            )
            return
        recorder = dispatch.recorder()
        if recorder is not None:
            recorder.write(self, new)
        elif new.device is None:
            new = tensor(new, device=self.device)
        elif self.device is not None and new.device != self.device:
            new = tensor(new.numpy(), dtype=self.dtype, device=self.device)
        self.data = new.data
        self.device = new.device or self.device
        writes[0] += 1

    def __deepcopy__(self, memo: Any) -> Any:
        copy = type(self).__new__(type(self))
        Tensor.__init__(
            copy,
            self.data,
            self.type,
            self.device,
            Leaf() if self.node is not None else None,
        )
        copy.name = self.name
        memo[id(self)] = copy
        return copy

    def __reduce__(self) -> Any:
        return _restore_cell, (
            type(self),
            np.array(self.numpy()),
            self.dtype.name,
            self.name,
            self.node is not None,
        )


class _Local(threading.local):
    def __init__(self) -> None:
        self.cells: dict[int, int] = {}


_local = _Local()


@contextmanager
def substituted(cells: Sequence[Cell], values: Sequence[Tensor]) -> Iterator[None]:
    """Within it the cells hold these values (and what is assigned to them, with its place
    on the tape); afterwards what they held before. Nothing is written."""
    saved = [(c.data, c.device, c.node, c.index) for c in cells]
    for c, v in zip(cells, values, strict=True):
        if v.type != c.type:
            raise ShapeError(
                f"{c.name or 'a cell'} holds {c.type}; {v.type} cannot stand in for it"
            )
    try:
        for c, v in zip(cells, values, strict=True):
            v = v.value()
            c.data, c.device, c.node, c.index = v.data, v.device, v.node, v.index
            _local.cells[id(c)] = _local.cells.get(id(c), 0) + 1
        yield
    finally:
        for c, (data, device, node, index) in zip(cells, saved, strict=True):
            c.data, c.device, c.node, c.index = data, device, node, index
            left = _local.cells.get(id(c), 1) - 1
            if left:
                _local.cells[id(c)] = left
            else:
                _local.cells.pop(id(c), None)


def _restore_cell(
    kind: Any, array: Any, dtype: str, name: str, requires_grad: bool
) -> Any:
    cell = kind.__new__(kind)
    Cell.__init__(cell, tensor(array, dtype=dtype), requires_grad, name)
    return cell


def stopped(x: Tensor) -> Tensor:
    """x, whose derivative is zero."""
    from .primitives import ops

    return ops.stop_gradient(x)


# ---- the interpreter that primitives call ---------------------------------------------


class TensorInterpreter:
    """Runs or records a primitive on tensors, and puts it on the tape."""

    def bind(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> list[Tensor]:
        inputs = [x if type(x) is Tensor else x.value() for x in inputs]
        types = tuple(x.type for x in inputs)
        recorder = dispatch.recorder()
        device: Device | None
        if recorder is not None:
            out_types = dispatch.infer(primitive, types, params)
            data: list[Any] = recorder.record(primitive, inputs, params, out_types)
            device = next((x.device for x in inputs if x.device is not None), None)
            if dispatch.state.blocked and primitive.name != "stop_gradient":
                return [
                    stopped(Tensor(d, t, device))
                    if t.dtype.is_floating
                    else Tensor(d, t, device)
                    for d, t in zip(data, out_types, strict=True)
                ]
        else:
            out_types = dispatch.infer(primitive, types, params)
            data, device = dispatch.run(primitive, inputs, params)
        if not (
            dispatch.state.grad_enabled and any(x.node is not None for x in inputs)
        ):
            return [Tensor(d, t, device) for d, t in zip(data, out_types, strict=True)]
        if isinstance(primitive.vjp, NotDifferentiable):
            return [Tensor(d, t, device) for d, t in zip(data, out_types, strict=True)]
        edges = tuple(
            (x.node, x.index) if x.node is not None and x.dtype.is_floating else None
            for x in inputs
        )
        keep = tuple(inputs) if "i" in primitive.saves else types
        source = user_line() if recorder is not None else None
        node = Node(
            primitive,
            keep,
            params,
            data if "o" in primitive.saves else None,
            out_types,
            edges,
            device,
            source,
        )
        return [
            Tensor(d, t, device, node if t.dtype.is_floating else None, i)
            for i, (d, t) in enumerate(zip(data, out_types, strict=True))
        ]

    def literal(self, array: np.ndarray[Any, Any], dtype: Dtype) -> Tensor:
        return literal(array, dtype)


set_interpreter(TensorInterpreter())
