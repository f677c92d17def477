"""Cells: tensors that can be given another value, which a program calls state."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import dispatch
from .errors import DtypeError, ShapeError
from .program import Symbol
from .tape import Leaf
from .tensor import Tensor, tensor

# Another object each time that any cell's data is handed out or replaced. While it is
# the same one, a compiled call need not look whether its state is where it was, nor
# whether anyone else holds it. (An object, where a number would need a lock.)
touched: list[object] = [object()]


class Cell(Tensor):
    """A tensor that can be given another value: what a program calls state.

    Operations see the value that it holds when they are called.
    """

    __slots__ = ("held", "name")
    held: Any  # the data; to read it here, rather than as `data`, leaves no trace

    @property
    def data(self) -> Any:
        held = self.held
        touched[0] = object()  # after the reading: who looks in between sees a holder
        return held

    @data.setter
    def data(self, value: Any) -> None:
        self.held = value
        touched[0] = object()

    def __init__(
        self, value: Tensor, requires_grad: bool = False, name: str = ""
    ) -> None:
        if not isinstance(value, Tensor):
            raise DtypeError(f"{type(self).__name__}: {value!r} is no tensor")
        super().__init__(
            value.data, value.type, value.device, Leaf() if requires_grad else None
        )
        self.name = name

    def value(self) -> Tensor:
        return Tensor(self.data, self.type, self.device, self.node, self.index)

    @property
    def is_state(self) -> bool:
        """Whether a program that is being captured has this cell as its state."""
        return isinstance(self.held, Symbol)

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape and dtype."""
        new = value if isinstance(value, Tensor) else tensor(value, dtype=self.dtype)
        if new.type != self.type:
            raise ShapeError(
                f"{self.name or 'a cell'} holds {self.type}; "
                f"it cannot be given {new.type}"
            )
        if id(self) in _local.cells:  # a substitute's value: as tracked as it came
            self.data, self.device = new.data, new.device
            self.node, self.index = new.node, new.index
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
    """Within it the cells hold these values (and what is assigned to them, with its
    place on the tape); afterwards what they held before. Nothing is written."""
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
