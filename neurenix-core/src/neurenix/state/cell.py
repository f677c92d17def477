"""Cell: the variable among the tensors, which a program calls state."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from .. import dispatch
from ..devices import Device
from ..errors import DtypeError, ShapeError
from ..program import Symbol
from ..tape import Leaf
from ..tensor import Tensor, tensor
from .stand_ins import CallState, Substitute, stand_in, substitute
from .store import note_write, store

_borrow = store.borrow


def _per_thread(name: str) -> Any:
    """An attribute that a thread sees on the cell's stand-in, if it has one, else on
    the cell."""
    slot = Tensor.__dict__[name]

    def get(cell: Any) -> Any:
        other = stand_in(cell)
        return slot.__get__(cell if other is None else other)

    def set(cell: Any, value: Any) -> None:
        other = stand_in(cell)
        slot.__set__(cell if other is None else other, value)

    return property(get, set)


class Cell(Tensor):
    """A tensor that can be given another value: what a program calls state.

    Of all tensors, cells alone change. A cell may stand wherever a tensor may, and
    every operation takes the value that it holds at the call: `value()`, an immutable
    tensor, which stays as it is whatever the cell is given later.

    Its buffer is the store's to lend and to replace (`state/store.py`); what a thread
    sees in its place for a while stands in `state/stand_ins.py`.
    """

    __slots__ = ("lock", "name")
    # The lock to hold while the value is used and replaced; None until somebody asks
    # for one.
    lock: AbstractContextManager[Any] | None
    # The cell's own attributes, whatever stands in for it.
    _device: Device | None = Tensor.__dict__["device"]
    _node: Any = Tensor.__dict__["node"]
    _index: int = Tensor.__dict__["index"]
    device: Device | None = _per_thread("device")
    node: Any = _per_thread("node")
    index: int = _per_thread("index")

    @property
    def data(self) -> Any:
        other = stand_in(self)
        return _borrow(self) if other is None else other.data

    @data.setter
    def data(self, value: Any) -> None:
        other = stand_in(self)
        if other is None:
            store.replace(self, value)
        else:
            other.data = value

    def __init__(
        self, value: Tensor, requires_grad: bool = False, name: str = ""
    ) -> None:
        if not isinstance(value, Tensor):
            raise DtypeError(f"{type(self).__name__}: {value!r} is no tensor")
        super().__init__(
            value.data, value.type, value.device, Leaf() if requires_grad else None
        )
        self.name: str = name
        self.lock = None

    def value(self) -> Tensor:
        x = stand_in(self)
        if x is not None:
            return Tensor(x.data, x.type, x.device, x.node, x.index)
        buffer = _borrow(self)
        return Tensor(buffer, self.type, self._device, self._node, self._index)

    @property
    def is_state(self) -> bool:
        """Whether a program that is being captured, or run as Python, has this cell as
        its state."""
        x = stand_in(self)
        return x is not None and (isinstance(x.data, Symbol) or type(x) is CallState)

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape and dtype."""
        new = value if isinstance(value, Tensor) else tensor(value, dtype=self.dtype)
        if new.type != self.type:
            raise ShapeError(
                f"{self.name or 'a cell'} holds {self.type}; "
                f"it cannot be given {new.type}"
            )
        other = stand_in(self)
        if isinstance(other, Substitute):
            substitute(self, new)
            return
        recorder = dispatch.recorder()
        if recorder is not None:
            recorder.write(self, new)
        elif new.device is None:
            new = tensor(new, device=self.device)
        elif self.device is not None and new.device != self.device:
            new = tensor(new.numpy(), dtype=self.dtype, device=self.device)
        if other is None:
            note_write(self)
        self.data = new.data
        self.device = new.device or self.device

    def __deepcopy__(self, memo: Any) -> Any:
        copy = type(self).__new__(type(self))
        Cell.__init__(copy, self.value(), self.node is not None, self.name)
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


def _restore_cell(
    kind: Any, array: Any, dtype: str, name: str, requires_grad: bool
) -> Any:
    cell = kind.__new__(kind)
    Cell.__init__(cell, tensor(array, dtype=dtype), requires_grad, name)
    return cell
