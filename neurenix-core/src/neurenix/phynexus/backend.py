"""The native backend: a shared library with the Phynexus C ABI, opened with cffi.

A program crosses once, as a plan; a step is then one call, `run`. A backend package is
little more than the path of its library.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..backends.memory import host_available, no_memory, require
from ..backends.protocol import (
    Backend,
    Capabilities,
    Executable,
    InstructionCost,
    StepsCall,
)
from ..errors import (
    BackendError,
    InvalidArgumentError,
    NeurenixError,
    OutOfMemoryError,
)
from ..primitives import TensorType
from ..program import Program
from . import _bindings
from .declared import declared
from .plan.encode import Encoded, encode
from .plan.lowering import make_plan
from .plan.scratch import least_scratch, most_scratch
from .profile import finish_profile, start_profile
from .steps import NativeSteps

ffi: Any = _bindings.ffi  # whose C names no type checker knows

ABI_MAJOR = 1
_ALIGNMENT = 64  # bytes: PHX_ALIGNMENT
_INVALID_ARGUMENT, _OUT_OF_MEMORY = 1, 2  # of phx_status
_ERRORS = {1: InvalidArgumentError, 2: OutOfMemoryError, 3: InvalidArgumentError}


def open_library(library: Path) -> Any:
    """The opened library and its table of functions, once its ABI is known to fit.

    Raises BackendError where it cannot be opened, is no engine, or has another ABI.
    """
    try:
        opened = ffi.dlopen(os.fspath(library))
        api = opened.phynexus_api()
    except (OSError, AttributeError) as error:
        raise BackendError(f"cannot open the engine {library}: {error}") from None
    # of functions that came later, `Engine.has` says whether they are there
    major, known = api.abi_major, ffi.offsetof("phx_api", "run_steps")
    if major > ABI_MAJOR:
        remedy = "upgrade neurenix-core, or install an older backend"
    elif major < ABI_MAJOR or api.struct_size < known:
        remedy = "upgrade the backend, or install an older neurenix-core"
    else:
        return opened, api
    raise BackendError(
        f"the engine {library} has ABI {major}.{api.abi_minor} "
        f"({api.struct_size} bytes), this core needs {ABI_MAJOR} ({known} bytes); "
        f"{remedy}"
    )


def count_devices(library: Path) -> int:
    """How many devices an engine library finds: what a native backend's probe needs."""
    _opened, api = open_library(library)
    return int(api.device_count())


_POINTER = ffi.typeof("void **")


class Engine:
    """One device's engine, and the library that it came from."""

    def __init__(self, library: Path, index: int, threads: int = 0) -> None:
        self.library, self.api = open_library(library)
        options = ffi.new(
            "phx_options *",
            {"struct_size": ffi.sizeof("phx_options"), "threads": threads},
        )
        handle = ffi.new("phx_engine **")
        self.check(self.api.create(index, options, handle))
        self.handle = handle[0]
        # an attribute of the table is made anew each time that it is asked for
        self.allocate, self.release = self.api.allocate, self.api.release
        self.executables: weakref.WeakSet[NativeExecutable] = weakref.WeakSet()
        self.profiled: set[NativeExecutable] | None = None  # while a profile is taken
        can = self.capabilities()
        self.memory_bytes, self.host_visible = can.memory_bytes, can.host_visible
        self.limits = can.limits

    def capabilities(self) -> Capabilities:
        """What the engine declares now: its threads may change."""
        raw = ffi.new(
            "phx_capabilities *", {"struct_size": ffi.sizeof("phx_capabilities")}
        )
        self.check(self.api.capabilities(self.handle, raw))
        return declared(raw, self.version)

    def set_threads(self, threads: int) -> None:
        self.check(self.api.set_threads(self.handle, threads))

    def has(self, function: str) -> bool:
        """Whether the engine has this function of the table, which came after 1.0."""
        reaches = int(self.api.struct_size) > int(ffi.offsetof("phx_api", function))
        return reaches and getattr(self.api, function) != ffi.NULL

    @property
    def version(self) -> str:
        """For people: the engine's version, and that of its ABI."""
        api = self.api
        release = ffi.string(api.engine_version).decode()
        return f"Phynexus {release}, ABI {api.abi_major}.{api.abi_minor}"

    def check(self, status: int) -> None:
        if status:
            raise self.failure(status)

    def failure(self, status: int) -> NeurenixError:
        text = ffi.string(self.api.last_error()).decode()
        if status == _OUT_OF_MEMORY:
            room = self.available()
            text += "" if room is None else f"; {room} are available"
        return _ERRORS.get(status, BackendError)(text)

    def memory_stats(self) -> dict[str, int]:
        raw = ffi.new(
            "phx_memory_stats *", {"struct_size": ffi.sizeof("phx_memory_stats")}
        )
        self.check(self.api.memory_stats(self.handle, raw))
        return {
            "allocated": raw.allocated_bytes,
            "peak": raw.peak_bytes,
            "arenas": raw.arena_bytes,
            "cached": raw.cached_bytes,
        }

    def available(self) -> int | None:
        """Bytes that can still be had, freed ones that the engine keeps included."""
        stats = self.memory_stats()
        if not self.host_visible:
            return max(self.memory_bytes - stats["allocated"] - stats["arenas"], 0)
        room = host_available()
        return None if room is None else room + stats["peak"] - stats["allocated"]

    def take(self, nbytes: int) -> Any:
        """Memory for a buffer, or OutOfMemoryError."""
        require("a buffer", nbytes, self.available)
        out = ffi.new(_POINTER)
        status = self.allocate(self.handle, nbytes, out)
        if not status:
            return out[0]
        # no size is negative here: what an engine calls absurd is too much
        if status in (_INVALID_ARGUMENT, _OUT_OF_MEMORY):
            raise no_memory("a buffer", nbytes, self.available())
        raise self.failure(status)

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.api.destroy(self.handle)


class Buffer:
    """Memory of an engine, freed with the last reference to this."""

    __slots__ = ("__weakref__", "adopted", "engine", "nbytes", "pointer")

    def __init__(self, engine: Engine, nbytes: int, adopted: Any = None) -> None:
        self.pointer = None
        self.adopted = adopted  # the array whose memory this is; else the engine's
        if adopted is not None:
            self.engine, self.nbytes = engine, nbytes
            self.pointer = ffi.cast("void *", adopted.ctypes.data)
            return
        self.engine = engine
        self.nbytes = nbytes
        self.pointer = engine.take(nbytes)

    def __del__(self) -> None:
        if self.pointer is not None and self.adopted is None:
            self.engine.release(self.engine.handle, self.pointer)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """For NumPy, where the host sees this memory; the array keeps it alive."""
        address = int(ffi.cast("uintptr_t", self.pointer))
        return {
            "shape": (self.nbytes,),
            "typestr": "|u1",
            "data": (address, True),
            "version": 3,
        }


def compile_plan(engine: Engine, encoded: Encoded) -> Any:
    """The engine's executable of a plan, let go with the last reference.

    Raises InvalidArgumentError, with the engine's message, for a plan that is wrong.
    """

    def pointer(array: Any, ctype: str) -> Any:
        keep.append(array)
        return ffi.cast(ctype, array.ctypes.data)

    keep: list[Any] = []
    plan = ffi.new("phx_plan *")
    plan.struct_size = ffi.sizeof("phx_plan")
    plan.values = pointer(encoded.values, "phx_value *")
    plan.instructions = pointer(encoded.instructions, "phx_instruction *")
    plan.operands = pointer(encoded.operands, "int32_t *")
    plan.params = pointer(encoded.params, "int64_t *")
    plan.regions = pointer(encoded.regions, "phx_region *")
    plan.constants = pointer(encoded.constants, "void *")
    plan.value_count = len(encoded.values)
    plan.instruction_count = len(encoded.instructions)
    plan.operand_count = len(encoded.operands)
    plan.param_count = len(encoded.params)
    plan.region_count = len(encoded.regions)
    plan.constant_bytes = encoded.constants.nbytes
    plan.input_bytes = pointer(encoded.input_bytes, "int64_t *")
    plan.output_bytes = pointer(encoded.output_bytes, "int64_t *")
    out = ffi.new("phx_executable **")
    engine.check(engine.api.compile(engine.handle, plan, out))
    return ffi.gc(out[0], engine.api.release_executable)


class NativeExecutable(Executable):
    def __init__(self, engine: Engine, program: Program, state: int) -> None:
        self.engine = engine
        self.program = program
        self.state = state
        self.bound = 0  # how many leading inputs are bound state
        start = perf_counter()
        plan = make_plan(program, state, engine.limits)
        self.plan_seconds = perf_counter() - start
        self.in_count = len(program.inputs)
        self.out_bytes = [t.nbytes for t in program.output_types]
        self.most_scratch = most_scratch(plan)
        self.result_bytes = self.out_bytes[state:]
        self._require(least_scratch(plan))
        encoded = encode(plan)
        self.lines = encoded.lines
        self.handle = compile_plan(engine, encoded)
        if engine.has("memory_bytes"):
            self._require(self.memory_bytes())
        self.inputs, self.outputs = self._slots()
        self.idle = [self._slots()]
        self.run = engine.api.run
        self.instruction_count = len(encoded.instructions)
        engine.executables.add(self)
        if engine.profiled is not None:
            engine.profiled.add(self)

    def _require(self, scratch: int) -> None:
        """Raises OutOfMemoryError where there is no room for a run."""
        need = scratch + sum(self.result_bytes)
        require("running the program", need, self.engine.available)

    def memory_bytes(self) -> int:
        """By the engine's own account; of one before ABI 1.5, the most scratch that the
        plan may take, on any number of threads."""
        if not self.engine.has("memory_bytes"):
            return self.most_scratch
        nbytes = ffi.new("int64_t *")
        self.engine.check(self.engine.api.memory_bytes(self.handle, 0, nbytes))
        return int(nbytes[0])

    def _slots(self) -> tuple[Any, Any]:
        """Room for the addresses of the inputs and of the outputs."""
        counts = self.in_count, len(self.out_bytes)
        inputs, outputs = (ffi.new("void *[]", max(n, 1)) for n in counts)
        return inputs, outputs

    def __call__(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        # slots of its own: an executable may be entered by several threads
        try:
            slots = self.idle.pop()
        except IndexError:
            slots = self._slots()
        pointers, targets = slots
        for i, buffer in enumerate(inputs):
            pointers[i] = buffer.pointer
        outputs = []
        for i, nbytes in enumerate(self.out_bytes):
            buffer = Buffer(self.engine, nbytes)
            targets[i] = buffer.pointer
            outputs.append(buffer)
        status = self.run(self.handle, pointers, targets)
        if status:
            self.engine.check(status)
        self.idle.append(slots)
        return outputs

    def bind_state(self, buffers: Sequence[Buffer]) -> None:
        self.bound = len(buffers)
        for i, buffer in enumerate(buffers):
            self.inputs[i] = buffer.pointer
        for i in range(self.state):
            self.outputs[i] = buffers[i].pointer

    def step(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        pointers, targets = self.inputs, self.outputs
        for i, buffer in enumerate(inputs, self.bound):
            pointers[i] = buffer.pointer
        results = []
        for i, nbytes in enumerate(self.result_bytes, self.state):
            result = Buffer(self.engine, nbytes)
            targets[i] = result.pointer
            results.append(result)
        status = self.run(self.handle, pointers, targets)
        if status:
            self.engine.check(status)
        return results

    def begin_steps(self, call: StepsCall) -> NativeSteps | None:
        return NativeSteps(self, call, Buffer) if self.engine.has("run_steps") else None


def _copied(buffer: Buffer, type: TensorType) -> np.ndarray[Any, Any]:
    """What lies in memory that the host does not see."""
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
        self.engines: dict[int, Engine] = {}
        self._capabilities: dict[int, Capabilities] = {}

    def engine(self, index: int) -> Engine:
        found = self.engines.get(index)
        if found is None:
            found = self.engines[index] = Engine(self.library, index, self.threads)
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
