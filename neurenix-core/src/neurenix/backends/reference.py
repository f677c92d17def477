"""The reference backend: NumPy, one instruction after the other.

It is the oracle of every test, and the simplest model of a backend to read. It is
chosen by itself only where nothing else is installed.
"""

from __future__ import annotations

import platform
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..primitives import TensorType, all_primitives
from ..primitives.fused import FUSED_ARGMAX
from ..program import Instruction, Program
from ..program.describe import describe_instruction, walk
from ..program.ir import watching
from ..program.watch import Watch
from .memory import host_available, no_memory, require
from .protocol import (
    API_VERSION,
    Backend,
    BackendInfo,
    Capabilities,
    Executable,
    InstructionCost,
)


class ReferenceExecutable(Executable):
    def __init__(self, program: Program, state: int) -> None:
        self.program = program
        self.state_count = state
        instructions = [
            i for p in (program, *program.regions()) for i in p.instructions
        ]
        self.largest = max(
            (sum(o.type.nbytes for o in i.outputs) for i in instructions), default=0
        )
        self.state: list[Any] = []  # weak: whoever holds a buffer is counted

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        return [_new(o, inputs) for o in self._evaluated(inputs)]

    def _evaluated(self, inputs: Sequence[Any]) -> list[Any]:
        require("an instruction's result", self.largest, host_available)
        try:
            return self.program.evaluate(inputs)
        except MemoryError:
            raise no_memory(
                "an instruction's result", self.largest, host_available()
            ) from None

    def bind_state(self, buffers: Sequence[Any]) -> None:
        self.state = [weakref.ref(b) for b in buffers]

    def step(self, inputs: Sequence[Any]) -> list[Any]:
        state = [ref() for ref in self.state]
        outputs = self._evaluated([*state, *inputs])
        results = [
            np.array(o)
            if any(np.may_share_memory(o, old) for old in state)
            else _new(o, inputs)
            for o in outputs
        ]
        for old, new in zip(state, results[: self.state_count], strict=False):
            old[...] = new
        return results[self.state_count :]


def _new(array: Any, inputs: Sequence[Any]) -> Any:
    """The array, or a copy of what is an input or only a view: who holds a buffer is
    counted."""
    own = array.base is None and array.flags.c_contiguous and array.flags.writeable
    given = any(array is x for x in inputs)
    return array if own and not given else np.array(array, order="C")


class ReferenceBackend(Backend):
    takes_profiles = True
    _watch: Watch | None = None

    def device_count(self) -> int:
        return 1

    def capabilities(self, index: int) -> Capabilities:
        kinds = [d for d in dtypes.ALL if d.name != "bfloat16"]
        return Capabilities(
            frozenset(kinds),
            frozenset(p.name for p in all_primitives()),
            name="NumPy",
            host_visible=True,
            features=frozenset({FUSED_ARGMAX}),
        )

    def bits_depend_on(self, index: int) -> dict[str, str]:
        return {"NumPy": np.__version__, "machine": platform.machine()}

    def configure(self, options: dict[str, Any]) -> None:
        """NumPy's threads are its own."""

    def compile(
        self, program: Program, index: int, state: int = 0
    ) -> ReferenceExecutable:
        return ReferenceExecutable(program, state)

    def upload(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        require("a buffer", type.nbytes, host_available)
        return np.array(np.reshape(array, type.shape), type.dtype.numpy, order="C")

    def adopt(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        view = array.view()
        view.setflags(write=False)
        return view

    def owns(self, buffer: Any) -> bool:
        return bool(buffer.flags.writeable)

    def download(self, buffer: Any, type: TensorType) -> np.ndarray[Any, Any]:
        view = np.asarray(buffer).view()
        view.setflags(write=False)
        return view

    def synchronize(self, index: int) -> None:
        """Work is done when a call returns."""

    def memory_stats(self, index: int) -> dict[str, int]:
        return {}

    def start_profile(self) -> None:
        # One watch for every backend of this kind, derived ones too: all evaluate here.
        if watching[0] is None:
            watching[0] = self._watch = Watch()

    def finish_profile(self) -> list[InstructionCost]:
        watch, self._watch = self._watch, None
        if watch is None:
            return []
        watching[0] = None
        return [
            InstructionCost(description, around, source, *watch.cost(i))
            for program in watch.programs
            for i, description, around, source in walk(
                program, lambda p: p.instructions, describe_instruction, _region
            )
            if watch.cost(i)[0]
        ]


def _region(instruction: Instruction) -> Program | None:
    fused = instruction.primitive.name == "fused"
    return None if fused else instruction.params.get("body")


INFO = BackendInfo(
    "reference", API_VERSION, "neurenix-core", -100, lambda: 1, ReferenceBackend
)
