"""An engine's library, opened with cffi: its devices' engines, and their memory."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any, Protocol

from ..backends.leaving import leave
from ..backends.memory import LARGE, host_available, no_memory, require
from ..backends.protocol import FLOAT32, PRECISIONS, Capabilities
from ..errors import (
    BackendError,
    InvalidArgumentError,
    NeurenixError,
    OutOfMemoryError,
)
from ..program import Program
from . import _bindings
from .declared import declared
from .source_lines import with_lines

ffi: Any = _bindings.ffi  # whose C names no type checker knows

ABI_MAJOR = 1
_INVALID_ARGUMENT, _OUT_OF_MEMORY, _DEVICE_ERROR = 1, 2, 4  # of phx_status
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
    """How many devices an engine library finds: what a native backend's probe needs.

    Raises BackendError, with the engine's words, where the driver does not work."""
    _opened, api = open_library(library)
    count = int(api.device_count())
    if count < 0:
        raise BackendError(ffi.string(api.last_error()).decode())
    return count


_POINTER = ffi.typeof("void **")
_REMEDY = (
    "; make the batch smaller, or set chunk= of a map or max_memory= of a learner "
    "(nx.memory_stats says what is in use)"
)


class Profiled(Protocol):
    """The part of an executable that a profile reads; the engine keeps a list of
    them."""

    engine: Engine
    program: Program
    state: int
    handle: Any
    instruction_count: int


class Engine:
    """One device's engine, and the library that it came from."""

    def __init__(
        self,
        library: Path,
        index: int,
        threads: int = 0,
        precision: str = FLOAT32,
    ) -> None:
        self.library, self.api = open_library(library)
        options = ffi.new(
            "phx_options *",
            {
                "struct_size": ffi.sizeof("phx_options"),
                "threads": threads,
                "precision": PRECISIONS.index(precision),
            },
        )
        handle = ffi.new("phx_engine **")
        self.host_visible = False  # until it says so: failures ask for that
        self.check(self.api.create(index, options, handle))
        self.handle = handle[0]
        # an attribute of the table is made anew each time that it is asked for
        self.allocate, self.release = self.api.allocate, self.api.release
        self.executables: weakref.WeakSet[Profiled] = weakref.WeakSet()
        self.profiled: set[Profiled] | None = None  # while a profile is taken
        can = self.capabilities()
        self.memory_bytes, self.host_visible = can.memory_bytes, can.host_visible
        self.limits, self.name = can.limits, can.name

    def capabilities(self) -> Capabilities:
        """The capabilities that the engine declares now: its threads may change."""
        raw = ffi.new(
            "phx_capabilities *", {"struct_size": ffi.sizeof("phx_capabilities")}
        )
        self.check(self.api.capabilities(self.handle, raw))
        return declared(raw, self.version)

    def set_threads(self, threads: int) -> None:
        self.check(self.api.set_threads(self.handle, threads))

    def set_precision(self, precision: str) -> None:
        if self.has("set_precision"):
            number = PRECISIONS.index(precision)
            self.check(self.api.set_precision(self.handle, number))

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
        text = with_lines(ffi.string(self.api.last_error()).decode())
        if status == _OUT_OF_MEMORY and self.host_visible:
            room = self.available()
            text += "" if room is None else f"; {room} are available"
        elif status == _OUT_OF_MEMORY:
            text += _REMEDY
        if status == _DEVICE_ERROR:  # it may be lost
            leave()
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

    def notes(self) -> tuple[str, ...]:
        """What people should know of the device; none from an engine before ABI 1.6."""
        if not self.has("notes"):
            return ()
        capacity = 1 << 16
        text, size = ffi.new("char[]", capacity), ffi.new("int64_t *")
        self.check(self.api.notes(self.handle, text, capacity, size))
        return tuple(ffi.string(text).decode(errors="replace").splitlines())

    def available(self) -> int | None:
        """Bytes that can still be had, freed ones that the engine keeps included."""
        stats = self.memory_stats()
        if not self.host_visible:
            return max(self.memory_bytes - stats["allocated"] - stats["arenas"], 0)
        room = host_available()
        return None if room is None else room + stats["peak"] - stats["allocated"]

    def take(self, nbytes: int) -> Any:
        """Memory for a buffer, or OutOfMemoryError."""
        if self.host_visible:
            self.require("a buffer", nbytes)
        out = ffi.new(_POINTER)
        status = self.allocate(self.handle, nbytes, out)
        if not status:
            return out[0]
        # no size is negative here: what an engine calls absurd is too much
        if status == _INVALID_ARGUMENT or (
            status == _OUT_OF_MEMORY and self.host_visible
        ):
            raise no_memory("a buffer", nbytes, self.available())
        raise self.failure(status)

    def require(self, what: str, nbytes: int) -> None:
        """Raises OutOfMemoryError for what cannot fit, before any of it is taken."""
        if self.host_visible:
            require(what, nbytes, self.available)
        elif nbytes >= LARGE and nbytes > (room := self.available() or 0):
            used = self.memory_bytes - room
            raise OutOfMemoryError(
                f"{what} needs {nbytes} bytes; of the {self.memory_bytes} of "
                f"{self.name} {used} are in use here{_REMEDY}"
            )

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.api.destroy(self.handle)
            self.handle = None  # where both go in one cycle, buffers may come later


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
        if self.pointer is None or self.adopted is not None:
            return
        if self.engine.handle:
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
