"""The store of state: lends the buffers of cells, replaces them, and lets programs
overwrite them in place (donation)."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..attributes import Version
from ..backends import discovery
from ..backends.protocol import Executable
from ..devices import Device
from ..tensor import Tensor

# Where a cell keeps its buffer. Nothing outside of this file reads it there.
_buffer_of = Tensor.__dict__["data"].__get__
_set_buffer = Tensor.__dict__["data"].__set__


class StateStore(Version):
    """The buffers of all cells.

    borrow      the buffer, for whoever is going to hold it
    replace     give a cell another buffer
    exclusive   whether nobody but the cell holds its buffer, which a program may then
                overwrite

    It is a `Version` that is another one after each loan and each replacement: while it
    is the same one, no bound program has to look at its cells.
    """

    __slots__ = ()

    def borrow(self, cell: Tensor) -> Any:
        buffer = _buffer_of(cell)
        self.now = object()  # after the reading: who looks in between sees a holder
        return buffer

    def replace(self, cell: Tensor, buffer: Any) -> None:
        _set_buffer(cell, buffer)
        self.now = object()

    def exclusive(self, cell: Tensor) -> bool:
        """Whether the cell alone holds its buffer, by CPython's count of references;
        nothing outside of the store asks for that. A loan that another thread takes
        right afterwards is not seen: programs that share state hold its lock (`locks`),
        and who reads a cell in another thread meanwhile may see the step's new value.

        Where Python runs without its global lock, the count sums up what each thread
        counts, and is exact while no other thread takes or drops the buffer. There the
        lock must be held by whoever reads a cell beside a running program, too."""
        return _holders(cell) == _ALONE


def _holders(cell: Tensor) -> int:
    return sys.getrefcount(_buffer_of(cell))


# The count that `_holders` gives where the cell alone holds its buffer.
_ALONE = _holders(Tensor(np.zeros(1), None, None))  # type: ignore[arg-type]

store = StateStore()


class Binding:
    """The cells that a program is bound to, those first that it overwrites. `seen` is
    the store's version when they were last looked at."""

    __slots__ = ("_bound", "cells", "device", "executable", "seen", "written")

    def __init__(
        self,
        cells: Sequence[Tensor],
        written: int,
        executable: Executable,
        device: Device,
    ) -> None:
        self.cells = list(cells)
        self.written = written
        self.executable = executable
        self.device = device
        self.seen: object = None
        self._bound: list[weakref.ref[Any] | None] = [None] * len(cells)

    def renew(self) -> None:
        """Binds the executable to the current buffers, and donates those that it
        overwrites: if anybody but the cell holds such a buffer, the holder keeps it and
        the cell gets a copy. That holds until the store has another version."""
        seen = store.now
        backend = discovery.backend(self.device.type)
        moved = copied = False
        for i, cell in enumerate(self.cells):
            if i < self.written and not (
                store.exclusive(cell) and backend.owns(_buffer_of(cell))
            ):
                values = backend.download(_buffer_of(cell), cell.type)
                _set_buffer(cell, backend.upload(values, cell.type, self.device.index))
                copied = True
            bound = self._bound[i]
            if bound is None or bound() is not _buffer_of(cell):
                self._bound[i] = weakref.ref(_buffer_of(cell))
                moved = True
        if moved:
            self.executable.bind_state([_buffer_of(c) for c in self.cells])
        if copied:  # another program may be bound to what was there: all look again
            store.note()
        else:
            self.seen = seen


# ---- writes that a failure undoes ----------------------------------------------------


class _Journal(threading.local):
    """The values that cells held before this thread wrote to them, since its outermost
    capture began; None outside captures."""

    writes: list[tuple[Tensor, Any, Device | None]] | None = None


_journal = _Journal()


def note_write(cell: Tensor) -> None:
    """Journals the value of a cell that is about to get another one."""
    if _journal.writes is not None:
        _journal.writes.append((cell, cell.data, cell.device))


@contextmanager
def undone_on_failure() -> Iterator[None]:
    """Undoes what this thread has written to cells if an exception leaves it."""
    if _journal.writes is not None:  # the outermost one does it
        yield
        return
    writes = _journal.writes = []
    try:
        yield
    except BaseException:
        for cell, data, device in reversed(writes):
            cell.data, cell.device = data, device
        raise
    finally:
        _journal.writes = None
