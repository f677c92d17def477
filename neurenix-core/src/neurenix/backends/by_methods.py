"""Backends and executables that have the methods of `Backend` and `Executable` and are
no subclasses of them: none were, before these gave defaults.

This is the one place that asks which methods an object has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitives import TensorType
from ..program import Instruction, Program
from .protocol import (
    Backend,
    Capabilities,
    Executable,
    InstructionCost,
    Steps,
    StepsCall,
)


def as_backend(made: Any) -> Backend:
    """The backend that a plugin's `create` returned, with defaults for the methods that
    it lacks."""
    return made if isinstance(made, Backend) else _BackendByMethods(made)


def as_executable(made: Any) -> Executable:
    """The executable that a backend's `compile` returned, with defaults for the methods
    that it lacks."""
    return made if isinstance(made, Executable) else _ExecutableByMethods(made)


class _BackendByMethods(Backend):
    def __init__(self, made: Any) -> None:
        self.made = made
        self.takes_profiles = hasattr(made, "start_profile")
        self._expands = getattr(made, "expands", super().expands)

    def device_count(self) -> int:
        count: int = self.made.device_count()
        return count

    def capabilities(self, index: int) -> Capabilities:
        found: Capabilities = self.made.capabilities(index)
        return found

    def configure(self, options: dict[str, Any]) -> None:
        self.made.configure(options)

    def compile(self, program: Program, index: int, state: int = 0) -> Executable:
        return as_executable(self.made.compile(program, index, state))

    def upload(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        return self.made.upload(array, type, index)

    def adopt(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        return self.made.adopt(array, type, index)

    def owns(self, buffer: Any) -> bool:
        return bool(self.made.owns(buffer))

    def download(self, buffer: Any, type: TensorType) -> np.ndarray[Any, Any]:
        array: np.ndarray[Any, Any] = self.made.download(buffer, type)
        return array

    def synchronize(self, index: int) -> None:
        self.made.synchronize(index)

    def memory_stats(self, index: int) -> dict[str, int]:
        stats: dict[str, int] = self.made.memory_stats(index)
        return stats

    def expands(self, instruction: Instruction) -> bool:
        return bool(self._expands(instruction))

    def start_profile(self) -> None:
        self.made.start_profile()

    def finish_profile(self) -> list[InstructionCost]:
        costs: list[InstructionCost] = self.made.finish_profile()
        return costs


class _ExecutableByMethods(Executable):
    def __init__(self, made: Any) -> None:
        self.made = made
        self.plan_seconds = getattr(made, "plan_seconds", 0.0)
        self._begin_steps = getattr(made, "begin_steps", super().begin_steps)
        self._memory_bytes = getattr(made, "memory_bytes", super().memory_bytes)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = self.made(inputs)
        return outputs

    def bind_state(self, buffers: Sequence[Any]) -> None:
        self.made.bind_state(buffers)

    def step(self, inputs: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = self.made.step(inputs)
        return outputs

    def begin_steps(self, call: StepsCall) -> Steps | None:
        begun: Steps | None = self._begin_steps(call)
        return begun

    def memory_bytes(self) -> int | None:
        taken: int | None = self._memory_bytes()
        return taken
