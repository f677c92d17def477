"""The protocol of backends: devices, buffers, and programs turned into executables.

`Backend` and `Executable` are bases: what has a body there need not be written. A
buffer is any object with `nbytes` that stands for one contiguous tensor in a device's
memory, and is freed with its last reference: who holds it is counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..dtypes import Dtype
from ..passes.limits import USUAL, Limits
from ..passes.tasks import TaskCosts
from ..primitives import TensorType
from ..program import Instruction, Program
from ..program.describe import Description

API_VERSION = 1


@dataclass(frozen=True)
class StepsCall:
    """Several steps of an executable: `count` of them, on these inputs.

    inputs     buffers, those of the state left out
    moving     for each, whether it has a leading axis of `count`, of which step i takes
               row i; the others are the same in each step
    types      of one step's inputs and, in `out_types`, outputs; without the state
    guarded    the last output is one bool; a step after one that leaves False changes
               nothing
    stateful   the state is bound: a step is `step`, not a call
    """

    inputs: Sequence[Any]
    moving: Sequence[bool]
    types: Sequence[TensorType]
    out_types: Sequence[TensorType]
    count: int
    guarded: bool
    stateful: bool


class Steps(Protocol):
    """Several steps of an executable, under way.

    Of a guarded call the first step that leaves False is the last one that counts.
    Whether the backend begins none after it, or has more under way that are predicated
    on the device and change no state, is its own affair: `done` counts none of them,
    and nobody reads their outputs.
    """

    @property
    def done(self) -> int:
        """The number of steps that count, and have run."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the last step left False, so that none follows."""
        ...

    def go_on(self) -> None:
        """Make at least one more, and no more than fit into a moment: between two calls
        Python looks for Ctrl-C, and the state may be bound anew. When it returns,
        `done` and `stopped` are final for the steps so far."""

    def outputs(self) -> list[Any]:
        """Buffers of the outputs without the state: those of the steps that count,
        stacked."""
        ...


class Executable(ABC):
    """A program made ready for a device.

    A run that raises, or that Ctrl-C ends, leaves the bound state as it was: it is
    written last. What it raises becomes a BackendError, unless it is an error of
    `neurenix.errors`, which had better name the primitive. A foreign call cannot be
    ended from outside, and should take no longer than a moment (`begin_steps` is there
    for more).
    """

    plan_seconds = 0.0  # what planning took, where the backend plans

    @abstractmethod
    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Buffers in, new buffers out."""

    @abstractmethod
    def bind_state(self, buffers: Sequence[Any]) -> None:
        """The buffers of the state inputs, which the program also writes. It keeps
        their addresses or weak references only: who holds a buffer is counted."""

    @abstractmethod
    def step(self, inputs: Sequence[Any]) -> list[Any]:
        """Run on the bound state: the other inputs in, the other outputs out."""

    def begin_steps(self, call: StepsCall) -> Steps | None:
        """Several steps at once; None: core makes one after the other
        (`backends.several_steps`)."""
        return None

    def memory_bytes(self) -> int | None:
        """The most that a run takes beside inputs and outputs, by which `max_memory=`
        chooses how many iterations of a map run at once; None: nobody knows."""
        return None


# How factors of float32 products may be rounded, by the numbers of phx_precision: not
# at all; to 10 bits of fraction; to bfloat16. Sums are in float32.
FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "tf32", "bfloat16")


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a device.

    primitives     names with a native kernel, at least those of
                   `neurenix.primitives.BASIS`; programs come without the others
    host_visible   the host and the device may use each other's memory at its address
    engine         what runs programs there, with its versions, for people
    features       what else its kernels can do: "fused_argmax", argmax among the
                   reductions of `fused`
    limits         what its programs should look like to run best
    tasks          its numbers, by which core decides whether a `map` comes as one
                   instruction, each iteration a task, or expanded, and in what chunks;
                   None: `Backend.expands` alone says so
    tensor_bytes   how large one tensor may be, in bytes; 0: as large as there is room
    precisions     how it can round the factors of float32 products, of `PRECISIONS`
    """

    dtypes: frozenset[Dtype]
    primitives: frozenset[str]
    threads: int = 1
    memory_bytes: int = 0
    name: str = ""
    instruction_set: str = ""
    host_visible: bool = False
    engine: str = ""
    features: frozenset[str] = frozenset()
    limits: Limits = USUAL
    tasks: TaskCosts | None = None
    tensor_bytes: int = 0
    precisions: frozenset[str] = frozenset({FLOAT32})


@dataclass(frozen=True)
class InstructionCost:
    """The cost of one instruction of a program while a profile was taken: on all
    threads together, without the region that it runs. `around` names the control
    instructions around it, as "map > scan > "."""

    description: Description
    around: str
    source: str | None
    count: int
    nanoseconds: int


class Backend(ABC):
    """A device type's implementation. Work may be asynchronous: errors of work that was
    accepted surface in the next call that needs its result, or in `synchronize`. With
    NEURENIX_DEBUG=1 it gets each instruction as a program of its own, and what it gives
    is checked (`backends.debug`).
    """

    takes_profiles = False  # whether start_profile and finish_profile are written

    @abstractmethod
    def device_count(self) -> int: ...

    @abstractmethod
    def capabilities(self, index: int) -> Capabilities: ...

    @abstractmethod
    def configure(self, options: dict[str, Any]) -> None:
        """Options of nx.init that concern devices: threads, and precision, one of those
        that its capabilities name."""

    @abstractmethod
    def compile(self, program: Program, index: int, state: int = 0) -> Executable:
        """The first `state` outputs replace the first `state` inputs, in place."""

    @abstractmethod
    def upload(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Any: ...

    @abstractmethod
    def adopt(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Any | None:
        """A buffer over this array's own memory, which it keeps and never writes; None
        where the device cannot use that memory, or needs it aligned otherwise."""

    @abstractmethod
    def owns(self, buffer: Any) -> bool:
        """Whether the buffer may be written: an adopted one may not."""

    @abstractmethod
    def download(self, buffer: Any, type: TensorType) -> np.ndarray[Any, Any]:
        """A read-only array; it may share the buffer's memory. It returns when the
        values are there."""

    @abstractmethod
    def synchronize(self, index: int) -> None: ...

    @abstractmethod
    def memory_stats(self, index: int) -> dict[str, int]:
        """Bytes in use, by kind; "peak", the most that there were; and "cached", what
        is in no use and kept for reuse. {} if unknown. The conformance suite finds
        leaks by it."""

    def expands(self, instruction: Instruction) -> bool:
        """Whether the backend wants this map expanded into batched operations, whatever
        its `Capabilities.tasks` would make of it. The answer depends on the instruction
        alone (sizes, never timing), and is the same for all its devices. It is asked
        before anything is fused. A map with a chunk comes as a scan over expanded
        chunks."""
        return "map" not in self.capabilities(0).primitives

    def self_check(self, index: int) -> str:
        """What the device computes wrongly, in words; "" where nothing is known to be.
        `neurenix doctor` asks, beside a check of its own."""
        return ""

    def notes(self, index: int) -> tuple[str, ...]:
        """What people should know of the device, a line each, such as what is missing
        that would make it faster. `neurenix doctor` prints it."""
        return ()

    def bits_depend_on(self, index: int) -> dict[str, str]:
        """What decides the last bits of results beside the program and the precision of
        products, by name, for people: two devices of one type for which all of it is
        equal give the same bits."""
        has = self.capabilities(index)
        found = {
            "device": has.name,
            "instruction set": has.instruction_set,
            "engine": has.engine,
        }
        return {name: text for name, text in found.items() if text}

    def start_profile(self) -> None:
        """For `nx.profile`: count what runs from now on."""
        raise NotImplementedError(f"{type(self).__name__} takes no profiles")

    def finish_profile(self) -> list[InstructionCost]:
        """The costs of what ran since `start_profile`."""
        return []


@dataclass(frozen=True)
class BackendInfo:
    """The record in which a plugin describes itself, before any of its code runs.

    probe         looks for devices without keeping hold of anything; it raises
                  DeviceError to say why there are none, and what to do, and anything
                  else where it is broken
    create        makes the backend
    passed_over   why no device of this type should be taken where nobody names one
                  ("" where one may be); asked when there are devices
    slow_start    why the first use of a device may take minutes ("" where it does not),
                  such as code that is compiled for it then: `neurenix doctor` waits;
                  asked when there are devices
    """

    device_type: str
    api_version: int
    distribution: str
    priority: int
    probe: Callable[[], int]
    create: Callable[[], Backend]
    passed_over: Callable[[], str] = lambda: ""
    slow_start: Callable[[], str] = lambda: ""
