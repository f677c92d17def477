"""One program of a compiled function, on a device and bound to its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from .. import dispatch
from ..backends.failures import raise_failure
from ..backends.protocol import Executable
from ..devices import Device
from ..program import Program
from ..state.cell import Cell
from ..state.counter import Counter
from ..state.store import Binding, store
from ..tensor import Tensor


class Entry:
    """One program of a compiled function, ready to run."""

    __slots__ = (
        "counters",
        "device",
        "executable",
        "guarded",
        "out_structure",
        "out_types",
        "program",
        "state",
    )

    def __init__(
        self,
        program: Program,
        executable: Executable,
        cells: Sequence[Cell],
        written: int,
        out_structure: Any,
        device: Device,
        guarded: bool = False,
    ) -> None:
        self.program = program
        self.executable = executable
        self.state = Binding(cells, written, executable, device)
        self.out_structure = out_structure
        self.out_types = program.output_types[written:]
        self.device = device
        self.guarded = guarded
        self.counters = [c for c in cells[:written] if isinstance(c, Counter)]

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        device = self.device
        buffers = []
        for x in inputs:
            where = x.device
            buffers.append(
                x.data if where is not None else dispatch.on_device(x.data, device)
            )
        state = self.state
        try:
            if state.cells:
                if state.seen is not store.now:
                    state.renew()
                if self.counters:
                    self.count(1)
                results = self.executable.step(buffers)
            else:
                results = self.executable(buffers)
        except Exception as error:  # noqa: BLE001  a plugin's code
            self.failed(error)
        return [Tensor(b, t, device) for b, t in zip(results, self.out_types)]

    def count(self, steps: int) -> None:
        """Says of so many steps, to who knows it without the device, that they were
        asked for."""
        for counter in self.counters:
            counter.asked += steps
            if self.guarded:
                counter.exact = False

    def bind(self) -> None:
        """Binds the executable to the present buffers of the state."""
        if self.state.cells and self.state.seen is not store.now:
            self.state.renew()

    def failed(self, error: Exception) -> NoReturn:
        """Raises the error of a failure in the backend's code."""
        for counter in self.counters:
            counter.exact = False
        raise_failure(
            f"{self.device}: a compiled program of {self.program.size()} instructions "
            "(NEURENIX_DEBUG=1 says which of them)",
            error,
        )
