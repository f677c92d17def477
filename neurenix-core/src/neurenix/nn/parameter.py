"""Parameters and buffers: the cells that a module owns, and how they are filled from a
`state_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..attributes import changes
from ..dispatch import recorder
from ..dtypes import Dtype
from ..errors import CaptureError, DtypeError, InvalidArgumentError, ShapeError
from ..program import Symbol
from ..state.cell import Cell
from ..state.stand_ins import first_replaced
from ..tape import Leaf
from ..tensor import Tensor, tensor

REDUCTIONS = ("mean", "discard")


def _held(what: str, data: Any, dtype: Any) -> Tensor:
    """The value that a new cell starts from, on a device."""
    if isinstance(data, Tensor):
        if isinstance(data.data, Symbol):
            raise CaptureError(
                f"{what}: made of a value that is being captured; make it outside"
            )
        same = data.value().detach()
        if same.device is not None and (dtype is None or same.to(dtype) is same):
            return same
    return tensor(data, dtype=dtype)


class Parameter(Cell):
    """A tensor that a module learns: a leaf that requires grad.

    data   a tensor, an array, or nested lists of numbers; floating

    `p.grad` has what `backward` found; `p.assign(value)` replaces its value, which
    stays of one shape and dtype. `p.requires_grad = False` freezes it: it is used as
    before, and no derivative, optimizer or inner step changes it until it is set to
    True again; compiled code sees it at the next call.

    Raises DtypeError for integers, which have no derivative; CaptureError where it is
    frozen within a program that is being captured.

    >>> import neurenix as nx
    >>> p = nx.nn.Parameter([1.0, 2.0])
    >>> (p * p).sum().backward()
    >>> p.grad.tolist()
    [2.0, 4.0]
    """

    __slots__ = ()

    def __init__(
        self, data: Any, dtype: Any = None, requires_grad: bool = True
    ) -> None:
        value = _held("Parameter", data, dtype)
        if requires_grad and not value.dtype.is_floating:
            raise DtypeError(
                f"Parameter: a {value.dtype.name} tensor has no derivative; "
                "pass dtype=nx.float32"
            )
        super().__init__(value, requires_grad)

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Parameter:
        """Whether it is learned, or frozen; freezing forgets its gradient. Returns the
        parameter.

        >>> import neurenix as nx
        >>> nx.nn.Parameter([1.0]).requires_grad_(False).requires_grad
        False
        """
        what = self.name or "a parameter"
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise InvalidArgumentError(
                f"{what}: requires_grad={requires_grad!r}; expected True or False"
            )
        if recorder() is not None or first_replaced([self]) is not None:
            raise CaptureError(
                f"{what}: requires_grad is set within compiled code or a "
                "functional_call; set it between calls"
            )
        if requires_grad and not self.dtype.is_floating:
            raise DtypeError(f"{what}: a {self.dtype.name} tensor has no derivative")
        if bool(requires_grad) != self.requires_grad:
            self.node = Leaf() if requires_grad else None
            changes.note()
        return self


class Buffer(Cell):
    """A tensor that a module keeps and no derivative changes, such as a running mean.

    data        as of `Parameter`; any dtype
    reduction   what becomes of it where each of several tasks has its own, as in
                `nx.map`: "mean" over the tasks, or "discard" (the module keeps its old
                value). `nn.reduced_buffers` does it.

    >>> import neurenix as nx
    >>> nx.nn.Buffer([0.0, 0.0], reduction="mean").requires_grad
    False
    """

    __slots__ = ("reduction",)

    def __init__(self, data: Any, dtype: Any = None, reduction: str = "mean") -> None:
        if reduction not in REDUCTIONS:
            raise InvalidArgumentError(
                f'Buffer: reduction={reduction!r}; expected "mean" or "discard"'
            )
        super().__init__(_held("Buffer", data, dtype))
        self.reduction: str = reduction

    def __deepcopy__(self, memo: Any) -> Any:
        copy = super().__deepcopy__(memo)
        copy.reduction = self.reduction
        return copy

    def __reduce__(self) -> Any:
        return _restore_buffer, (
            np.array(self.numpy()),
            self.dtype.name,
            self.reduction,
            self.name,
        )


def _restore_buffer(array: Any, dtype: str, reduction: str, name: str) -> Buffer:
    buffer = Buffer(array, dtype, reduction)
    buffer.name = name
    return buffer


def move(cell: Cell, target: Any) -> None:
    """The cell's value on another device or with another dtype; a gradient is
    dropped."""
    if isinstance(cell.data, Symbol):
        raise CaptureError(
            f"to: {cell.name or 'a cell'} is state of what is being captured"
        )
    if isinstance(target, Dtype) and not (
        target.is_floating and cell.dtype.is_floating
    ):
        return
    moved = cell.value().detach().to(target)
    if moved.type == cell.type and moved.device == cell.device:
        return
    cell.data, cell.type, cell.device = moved.data, moved.type, moved.device
    cell.node = Leaf() if cell.node is not None else None


class LoadResult(NamedTuple):
    """The names that `load_state_dict(..., strict=False)` passed over."""

    missing: list[str]
    unexpected: list[str]


def load_cells(
    owner: str, cells: Mapping[str, Cell], state: Mapping[str, Any], strict: bool
) -> LoadResult:
    """Give each cell the value of its name. Everything is checked before anything
    changes.

    Raises InvalidArgumentError listing all that is missing, unexpected or of another
    kind, and ShapeError if only shapes differ.
    """
    if not isinstance(state, Mapping):
        raise InvalidArgumentError(
            f"{owner}.load_state_dict: "
            f"expected a dict of tensors, not {type(state).__name__}"
        )
    missing = [n for n in cells if n not in state]
    unexpected = [n for n in state if n not in cells]
    values: dict[str, Tensor] = {}
    shapes, kinds = [], []
    for name in (n for n in cells if n in state):
        cell, given = cells[name], state[name]
        value = (
            given.value().detach()
            if isinstance(given, Tensor)
            else tensor(given, dtype=cell.dtype)
        )
        if value.shape != cell.shape:
            shapes.append(f"{name} has shape {cell.shape}, the state's {value.shape}")
        elif value.dtype is not cell.dtype and not (
            value.dtype.is_floating and cell.dtype.is_floating
        ):
            kinds.append(f"{name} is {cell.dtype.name}, the state's {value.dtype.name}")
        else:
            values[name] = value.to(cell.dtype)
    wrong = [("missing", missing), ("unexpected", unexpected)] if strict else []
    wrong += [("of another shape", shapes), ("of another dtype", kinds)]
    text = "; ".join(
        f"{what}: {', '.join(map(str, names))}" for what, names in wrong if names
    )
    if text:
        kind = (
            ShapeError if text.startswith("of another shape") else InvalidArgumentError
        )
        raise kind(
            f"{owner}.load_state_dict: nothing was loaded. {text[0].upper()}{text[1:]}"
        )
    for name, value in values.items():
        cells[name].assign(value)
    return LoadResult(missing, unexpected)
