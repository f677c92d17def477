"""What a backend gives core: devices, buffers, and programs turned into executables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..dtypes import Dtype
from ..primitives.primitive import TensorType
from ..program import Program
from ..program.describe import Description

API_VERSION = 1


class DeviceBuffer(Protocol):
    """One contiguous tensor in a device's memory; freed with its last reference.

    `exports` counts views that were handed out (NumPy, DLPack): while there are any, or
    anyone else holds the buffer, nothing may overwrite it.
    """

    nbytes: int


class Steps(Protocol):
    """Several steps of an executable, under way."""

    @property
    def done(self) -> int:
        """How many are made."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the last of them asked that none follows."""
        ...

    def go_on(self) -> None:
        """Make at least one more, and no more than fit into a moment: between two calls
        Python looks for Ctrl-C, and the state may be bound anew."""

    def outputs(self) -> list[Any]:
        """Buffers of the outputs without the state: those of the steps that are made,
        stacked."""
        ...


class Executable(Protocol):
    """A program made ready for a device.

    A run that raises, or that Ctrl-C ends, leaves the bound state as it was: it is
    written last. What it raises becomes a BackendError, unless it is an error of
    `neurenix.errors`, which had better name the primitive. A foreign call cannot be
    ended from outside, and should take no longer than a moment (`begin_steps` is there
    for more).

    It may have two more methods. `begin_steps(call: StepsCall) -> Steps | None`, if it
    can make several steps at once; see `backends.steps`, which does without.
    `memory_bytes() -> int`: what a run takes beside inputs and outputs, for
    `Compiled.memory_bytes`.
    """

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Buffers in, new buffers out."""
        ...

    def bind_state(self, buffers: Sequence[Any]) -> None:
        """The buffers of the state inputs, which the program also writes. It keeps
        their addresses or weak references only: who holds a buffer is counted."""

    def step(self, inputs: Sequence[Any]) -> list[Any]:
        """Run on the bound state: the other inputs in, the other outputs out."""
        ...


@dataclass(frozen=True)
class Capabilities:
    """What a device has. `primitives`: names with a native kernel, at least those of
    `neurenix.primitives.BASIS`; programs come without the others. `host_visible`: the
    host and the device may use each other's memory at its address. `engine`: what runs
    programs there, with its versions, for people."""

    dtypes: frozenset[Dtype]
    primitives: frozenset[str]
    threads: int = 1
    memory_bytes: int = 0
    name: str = ""
    instruction_set: str = ""
    host_visible: bool = False
    engine: str = ""


@dataclass(frozen=True)
class InstructionCost:
    """What one instruction of a program cost while a profile was taken, on all threads
    together, without what it ran in a region. `around`: the control instructions that
    it lies in, as "map > scan > "."""

    description: Description
    around: str
    source: str | None
    count: int
    nanoseconds: int


class Backend(Protocol):
    """A device type's implementation. Work may be asynchronous: errors of work that was
    accepted surface in the next call that needs its result, or in `synchronize`. With
    NEURENIX_DEBUG=1 it gets each instruction as a program of its own, and what it gives
    is checked (`backends.debug`).

    It may have two more methods, for `nx.profile`: `start_profile() -> None` and
    `finish_profile() -> list[InstructionCost]`, of what ran between them.
    """

    def device_count(self) -> int: ...
    def capabilities(self, index: int) -> Capabilities: ...
    def configure(self, options: dict[str, Any]) -> None:
        """Options of nx.init that concern devices: threads."""

    def compile(self, program: Program, index: int, state: int = 0) -> Executable:
        """The first `state` outputs replace the first `state` inputs, in place."""
        ...

    def upload(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Any: ...
    def adopt(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Any | None:
        """A buffer over this array's own memory, which it keeps and never writes; None
        where the device cannot use that memory, or needs it aligned otherwise."""

    def owns(self, buffer: Any) -> bool:
        """Whether the buffer may be written: an adopted one may not."""
        ...

    def download(self, buffer: Any, type: TensorType) -> np.ndarray[Any, Any]:
        """A read-only array; it may share the buffer's memory."""
        ...

    def synchronize(self, index: int) -> None: ...
    def memory_stats(self, index: int) -> dict[str, int]:
        """Bytes in use, by kind; "peak", the most that there were; and "cached", what
        is in no use and kept for reuse. {} if unknown. The conformance suite finds
        leaks by it."""
        ...


@dataclass(frozen=True)
class BackendInfo:
    """What a plugin says of itself, before anything of it runs.

    `probe` looks for devices without keeping hold of anything, and raises to say why
    there are none; `create` makes the backend.
    """

    device_type: str
    api_version: int
    distribution: str
    priority: int
    probe: Callable[[], int]
    create: Callable[[], Backend]
