"""The native backend: a shared library with the Phynexus C ABI, as a `Backend`.

A program crosses once, as a plan; a step is then one call, `run`. A backend package is
little more than the path of its library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..backends.protocol import FLOAT32, Backend, Capabilities, InstructionCost
from ..primitives import TensorType
from ..program import Program
from . import _bindings
from .executable import NativeExecutable
from .library import Buffer, Engine, count_devices
from .profile import finish_profile, start_profile

ffi: Any = _bindings.ffi  # whose C names no type checker knows

_ALIGNMENT = 64  # bytes: PHX_ALIGNMENT


def _copied(buffer: Buffer, type: TensorType) -> np.ndarray[Any, Any]:
    """A copy of a buffer that lies in memory which the host does not see."""
    engine = buffer.engine
    array = np.empty(type.shape, type.dtype.numpy)
    engine.check(
        engine.api.download(
            engine.handle,
            ffi.cast("void *", array.ctypes.data),
            buffer.pointer,
            type.nbytes,
        )
    )
    array.setflags(write=False)
    return array


class NativeBackend(Backend):
    """A `Backend` over an engine library."""

    takes_profiles = True

    def __init__(self, library: Path) -> None:
        self.library = Path(library)
        self.threads = 0
        self.precision = FLOAT32
        self.engines: dict[int, Engine] = {}
        self._capabilities: dict[int, Capabilities] = {}

    def engine(self, index: int) -> Engine:
        found = self.engines.get(index)
        if found is None:
            found = Engine(self.library, index, self.threads, self.precision)
            self.engines[index] = found
        return found

    def device_count(self) -> int:
        return count_devices(self.library)

    def capabilities(self, index: int) -> Capabilities:
        if index not in self._capabilities:
            engine = self.engine(index)
            self._capabilities[index] = engine.capabilities()
        return self._capabilities[index]

    def configure(self, options: dict[str, Any]) -> None:
        threads = options.get("threads")
        if threads is not None:
            self.threads = threads
            self._capabilities.clear()
            for engine in self.engines.values():
                engine.set_threads(threads)
        precision = options.get("precision")
        if precision is not None:
            self.precision = precision
            for engine in self.engines.values():
                engine.set_precision(precision)
        for engine in self.engines.values():
            engine.capabilities()  # a device that was lost is opened again

    def compile(self, program: Program, index: int, state: int = 0) -> NativeExecutable:
        return NativeExecutable(self.engine(index), program, state)

    def upload(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer:
        engine = self.engine(index)
        array = np.ascontiguousarray(array, type.dtype.numpy)
        buffer = Buffer(engine, array.nbytes)
        engine.check(
            engine.api.upload(
                engine.handle,
                buffer.pointer,
                ffi.cast("void *", array.ctypes.data),
                array.nbytes,
            )
        )
        return buffer

    def adopt(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer | None:
        visible = self.capabilities(index).host_visible
        if not visible or not type.size or array.ctypes.data % _ALIGNMENT:
            return None
        return Buffer(self.engine(index), array.nbytes, array)

    def owns(self, buffer: Buffer) -> bool:
        return buffer.adopted is None

    def download(self, buffer: Buffer, type: TensorType) -> np.ndarray[Any, Any]:
        if not type.size:
            return np.empty(type.shape, type.dtype.numpy)
        if not buffer.engine.host_visible:
            return _copied(buffer, type)
        view = np.asarray(buffer).view(type.dtype.numpy).reshape(type.shape)
        view.setflags(write=False)
        return view

    def synchronize(self, index: int) -> None:
        engine = self.engine(index)
        engine.check(engine.api.synchronize(engine.handle))

    def memory_stats(self, index: int) -> dict[str, int]:
        return self.engine(index).memory_stats()

    def notes(self, index: int) -> tuple[str, ...]:
        return self.engine(index).notes()

    def run_count(self, index: int) -> int:
        """How many programs the engine has run: each is one foreign call."""
        engine = self.engine(index)
        return int(engine.api.run_count(engine.handle))

    def start_profile(self) -> None:
        self.engine(0)
        for engine in self.engines.values():
            start_profile(engine)

    def finish_profile(self) -> list[InstructionCost]:
        engines = [e for e in self.engines.values() if e.profiled is not None]
        return [row for engine in engines for row in finish_profile(engine)]
