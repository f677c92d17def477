"""Several steps in one foreign call: phynexus.h's run_steps."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..backends.protocol import StepsCall
from ..primitives import TensorType
from . import _bindings
from .library import Buffer, Engine

ffi: Any = _bindings.ffi  # whose C names no type checker knows

# A foreign call keeps the main thread, and Python looks for Ctrl-C only between two of
# them. So a crossing ends after this time and the next goes on where it ended: no
# thread, no signal handler and no flag is needed, and nobody waits long.
_NANOSECONDS = 50_000_000


class Ready(Protocol):
    """An executable as several steps need it: its handle, and the addresses of its
    bound state, which may be bound anew between two crossings."""

    engine: Engine
    handle: Any
    inputs: Any
    outputs: Any


class NativeSteps:
    """A `Steps` over an engine: each `go_on` is one crossing."""

    def __init__(
        self, executable: Ready, call: StepsCall, first: int, written: int
    ) -> None:
        """first, written: the numbers of inputs and outputs that are bound state."""
        self.executable = executable
        self.engine = executable.engine
        self.call = call
        self.first, self.written = first, written
        self.inputs = ffi.new("void *[]", first + len(call.inputs) or 1)
        self.results = [
            Buffer(self.engine, call.count * t.nbytes) for t in call.out_types
        ]
        self.targets = ffi.new("void *[]", written + len(self.results) or 1)
        for i, buffer in enumerate(call.inputs):
            self.inputs[first + i] = buffer.pointer
        for i, buffer in enumerate(self.results):
            self.targets[written + i] = buffer.pointer
        moved = [
            t.nbytes if m else 0 for t, m in zip(call.types, call.moving, strict=True)
        ]
        made = [t.nbytes for t in call.out_types]
        self.strides = (
            ffi.new("int64_t[]", [0] * first + moved or [0]),
            ffi.new("int64_t[]", [0] * written + made or [0]),
        )
        self.raw: Any = ffi.new("phx_steps *")
        self.raw.struct_size = ffi.sizeof("phx_steps")
        self.raw.inputs, self.raw.outputs = self.inputs, self.targets
        self.raw.input_strides, self.raw.output_strides = self.strides
        self.raw.count = call.count
        self.raw.nanoseconds = _NANOSECONDS
        self.raw.ok_output = written + len(made) - 1 if call.guarded else -1

    @property
    def done(self) -> int:
        return int(self.raw.done)

    @property
    def stopped(self) -> bool:
        return bool(self.raw.stopped)

    def go_on(self) -> None:
        # the state may have been bound anew since the last crossing
        for i in range(self.first):
            self.inputs[i] = self.executable.inputs[i]
        for i in range(self.written):
            self.targets[i] = self.executable.outputs[i]
        status = self.engine.api.run_steps(self.executable.handle, self.raw)
        self.engine.check(status)

    def outputs(self) -> list[Buffer]:
        if self.done == self.call.count:
            return self.results
        return [self._first(*pair) for pair in zip(self.results, self.call.out_types)]

    def _first(self, buffer: Buffer, type: TensorType) -> Buffer:
        """The rows of the steps that ran, in a buffer of their own."""
        rows = np.empty(self.done * type.nbytes, np.uint8)
        short = Buffer(self.engine, rows.nbytes)
        host, api, handle = ffi.from_buffer(rows), self.engine.api, self.engine.handle
        self.engine.check(api.download(handle, host, buffer.pointer, rows.nbytes))
        self.engine.check(api.upload(handle, short.pointer, host, rows.nbytes))
        return short
