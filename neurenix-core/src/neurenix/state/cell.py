"""Cells: tensors that can be given another value, which a program calls state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from .. import dispatch
from ..devices import Device
from ..errors import DtypeError, ShapeError
from ..program import Symbol
from ..tape import Leaf
from ..tensor import Tensor, tensor

# Another object each time that any cell's data is handed out or replaced. While it is
# the same one, a compiled call need not look whether its state is where it was, nor
# whether anyone else holds it. (An object, where a number would need a lock.)
touched: list[object] = [object()]


class _Local(threading.local):
    """What this thread sees in place of cells' values, by their ids, innermost last;
    and the writes since its outermost capture began, with what was there before."""

    def __init__(self) -> None:
        self.values: dict[int, list[Tensor]] = {}
        self.writes: list[tuple[Cell, Any, Any]] | None = None


_local = _Local()


class _Given(Tensor):
    """Stands in for a cell, which then holds whatever is assigned, tracked or not."""

    __slots__ = ()


def _in_use(cell: Tensor) -> Tensor:
    """What this thread has put in the cell's place, innermost; else the cell."""
    found = _local.values.get(id(cell)) if _local.values else None
    return cell if found is None else found[-1]


def _per_thread(name: str) -> Any:
    """The cell's own attribute, or that of what this thread has put in its place."""
    slot = Tensor.__dict__[name]

    def get(cell: Any) -> Any:
        return slot.__get__(_in_use(cell))

    def set(cell: Any, value: Any) -> None:
        slot.__set__(_in_use(cell), value)

    return property(get, set)


class _State(Tensor):
    """Stands in for a cell that is state of a call under way."""

    __slots__ = ()


class Cell(Tensor):
    """A tensor that can be given another value: what a program calls state.

    Operations see the value that it holds when they are called.
    """

    __slots__ = ("name", "turn")
    turn: Any  # once asked for: see state/locks.py
    # Its own, whatever stands in for it; to read `held` rather than `data` leaves no
    # trace.
    held: Any = Tensor.__dict__["data"]
    _device: Device | None = Tensor.__dict__["device"]
    _node: Any = Tensor.__dict__["node"]
    _index: int = Tensor.__dict__["index"]
    device: Device | None = _per_thread("device")
    node: Any = _per_thread("node")
    index: int = _per_thread("index")

    @property
    def data(self) -> Any:
        used = _in_use(self)
        if used is not self:
            return used.data
        held = self.held
        touched[0] = object()  # after the reading: who looks in between sees a holder
        return held

    @data.setter
    def data(self, value: Any) -> None:
        used = _in_use(self)
        if used is not self:
            used.data = value
            return
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
        self.name: str = name

    def value(self) -> Tensor:
        x = _in_use(self)
        if x is not self:
            return Tensor(x.data, x.type, x.device, x.node, x.index)
        made = Tensor(self.held, self.type, self._device, self._node, self._index)
        touched[0] = object()
        return made

    @property
    def is_state(self) -> bool:
        """Whether a program that is being captured, or run as Python, has this cell as
        its state."""
        x = _in_use(self)
        return x is not self and (isinstance(x.data, Symbol) or type(x) is _State)

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape and dtype."""
        new = value if isinstance(value, Tensor) else tensor(value, dtype=self.dtype)
        if new.type != self.type:
            raise ShapeError(
                f"{self.name or 'a cell'} holds {self.type}; "
                f"it cannot be given {new.type}"
            )
        stands_in = _local.values.get(id(self))
        if stands_in is not None and isinstance(stands_in[-1], _Given):
            stands_in[-1] = _given(new)
            return
        recorder = dispatch.recorder()
        if recorder is not None:
            recorder.write(self, new)
        elif new.device is None:
            new = tensor(new, device=self.device)
        elif self.device is not None and new.device != self.device:
            new = tensor(new.numpy(), dtype=self.dtype, device=self.device)
        if _local.writes is not None and stands_in is None:
            _local.writes.append((self, self.data, self.device))
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


def _given(x: Tensor) -> Tensor:
    return _Given(x.data, x.type, x.device, x.node, x.index)


@contextmanager
def _in_place(cells: Sequence[Cell], values: Sequence[Tensor]) -> Iterator[None]:
    table = _local.values
    for c, v in zip(cells, values, strict=True):
        table.setdefault(id(c), []).append(v)
    try:
        yield
    finally:
        for c in cells:
            table[id(c)].pop()
            if not table[id(c)]:
                del table[id(c)]


def substituted(
    cells: Sequence[Cell], values: Sequence[Tensor]
) -> AbstractContextManager[None]:
    """Within it, and in this thread only, the cells hold these values (and what is
    assigned to them, with its place on the tape). Nothing is written."""
    for c, v in zip(cells, values, strict=True):
        if v.type != c.type:
            raise ShapeError(
                f"{c.name or 'a cell'} holds {c.type}; {v.type} cannot stand in for it"
            )
    return _in_place(cells, [_given(v.value()) for v in values])


def stood_in_for(cells: Iterable[Cell]) -> Cell | None:
    """The first of the cells that something stands in for in this thread, if any."""
    values = _local.values
    return next((c for c in cells if id(c) in values), None) if values else None


def captured(
    cells: Sequence[Cell], symbols: Sequence[Symbol]
) -> AbstractContextManager[None]:
    """Within it, and in this thread only, the cells are these symbols of a program,
    which logs what is assigned. Nothing is written."""
    leaves = [Leaf() if c.node is not None else None for c in cells]
    return _in_place(
        cells,
        [
            Tensor(s, c.type, c.device, leaf)
            for c, s, leaf in zip(cells, symbols, leaves, strict=True)
        ],
    )


@contextmanager
def as_state(
    cells: Sequence[Cell],
) -> Iterator[Callable[[], dict[int, Tensor]]]:
    """Within it, and in this thread only, the cells are state of a call: what is
    assigned stays in here. Yields what tells the new values, by the ids of the cells
    that got some."""
    before = [c.value() for c in cells]
    values = [
        _State(v.data, v.type, v.device, Leaf() if c.node is not None else None)
        for c, v in zip(cells, before, strict=True)
    ]

    def written() -> dict[int, Tensor]:
        return {
            id(c): Tensor(v.data, v.type, v.device)
            for c, v, old in zip(cells, values, before, strict=True)
            if v.data is not old.data
        }

    with _in_place(cells, values):
        yield written


@contextmanager
def undone_on_failure() -> Iterator[None]:
    """An exception in here puts back what this thread has written to cells."""
    if _local.writes is not None:  # the outermost one does it
        yield
        return
    _local.writes = []
    try:
        yield
    except BaseException:
        for cell, data, device in reversed(_local.writes):
            cell.data, cell.device = data, device
        raise
    finally:
        _local.writes = None


def _restore_cell(
    kind: Any, array: Any, dtype: str, name: str, requires_grad: bool
) -> Any:
    cell = kind.__new__(kind)
    Cell.__init__(cell, tensor(array, dtype=dtype), requires_grad, name)
    return cell
