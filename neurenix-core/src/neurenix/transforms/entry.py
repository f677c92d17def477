"""One program of a compiled function, on a device and bound to its state."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from .. import dispatch
from ..backends import discovery
from ..backends.failures import raise_failure
from ..backends.protocol import Executable
from ..devices import Device
from ..program import Program
from ..state.cell import Cell, touched
from ..tensor import Tensor


class Entry:
    """One program of a compiled function, ready to run."""

    __slots__ = (
        "bound",
        "cells",
        "device",
        "executable",
        "out_structure",
        "out_types",
        "program",
        "seen",
        "written",
    )

    def __init__(
        self,
        program: Program,
        executable: Executable,
        cells: Sequence[Cell],
        written: int,
        out_structure: Any,
        device: Device,
    ) -> None:
        self.program = program
        self.executable = executable
        self.cells = list(cells)
        self.written = written
        self.out_structure = out_structure
        self.out_types = program.output_types[written:]
        self.device = device
        self.bound: list[Any] = [None] * len(cells)
        self.seen: object = None  # what `touched` held when the state was looked at

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        device = self.device
        buffers = []
        for x in inputs:
            where = x.device
            buffers.append(
                x.data if where is not None else dispatch.on_device(x.data, device)
            )
        try:
            if self.cells:
                if self.seen is not touched[0]:
                    self._look()
                results = self.executable.step(buffers)
            else:
                results = self.executable(buffers)
        except Exception as error:  # noqa: BLE001  a plugin's code
            self.failed(error)
        return [Tensor(b, t, device) for b, t in zip(results, self.out_types)]

    def failed(self, error: Exception) -> NoReturn:
        """Raise what says where the backend's code has failed."""
        raise_failure(
            f"{self.device}: a compiled program of {self.program.size()} instructions "
            "(NEURENIX_DEBUG=1 says which of them)",
            error,
        )

    def _look(self) -> None:
        """Whether the state is where it was, and nobody but its cells holds what will
        be overwritten. Until a cell is touched again, that stays so."""
        seen = touched[0]
        backend = discovery.backend(self.device.type)
        moved = copied = False
        for i, cell in enumerate(self.cells):
            alone = sys.getrefcount(cell.held) == _ALONE
            if i < self.written and not (alone and backend.owns(cell.held)):
                values = backend.download(cell.held, cell.type)
                cell.held = backend.upload(values, cell.type, self.device.index)
                copied = True
            ref = self.bound[i]
            if ref is None or ref() is not cell.held:
                self.bound[i] = weakref.ref(cell.held)
                moved = True
        if moved:
            self.executable.bind_state([c.held for c in self.cells])
        if copied:  # another function may be bound to what was there: all look again
            touched[0] = object()
        else:
            self.seen = seen


def _references_to_one() -> int:
    cell = Tensor(np.zeros(1), None, None)  # type: ignore[arg-type]
    return sys.getrefcount(cell.data)


_ALONE = _references_to_one()
