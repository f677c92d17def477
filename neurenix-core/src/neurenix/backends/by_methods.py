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


def as_backend(given: Any) -> Backend:
    """The backend that a plugin's `create` returned, with defaults for the methods that
    it lacks."""
    return given if isinstance(given, Backend) else _BackendByMethods(given)


def as_executable(given: Any) -> Executable:
    """The executable that a backend's `compile` returned, with defaults for the methods
    that it lacks."""
    return given if isinstance(given, Executable) else _ExecutableByMethods(given)


class _BackendByMethods(Backend):
    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.takes_profiles = hasattr(backend, "start_profile")
        self._expands = getattr(backend, "expands", super().expands)
        self._self_check = getattr(backend, "self_check", super().self_check)
        self._notes = getattr(backend, "notes", super().notes)
        self._bits = getattr(backend, "bits_depend_on", super().bits_depend_on)

    def device_count(self) -> int:
        count: int = self._backend.device_count()
        return count

    def capabilities(self, index: int) -> Capabilities:
        found: Capabilities = self._backend.capabilities(index)
        return found

    def configure(self, options: dict[str, Any]) -> None:
        self._backend.configure(options)

    def compile(self, program: Program, index: int, state: int = 0) -> Executable:
        return as_executable(self._backend.compile(program, index, state))

    def upload(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        return self._backend.upload(array, type, index)

    def adopt(self, array: np.ndarray[Any, Any], type: TensorType, index: int) -> Any:
        return self._backend.adopt(array, type, index)

    def owns(self, buffer: Any) -> bool:
        return bool(self._backend.owns(buffer))

    def download(self, buffer: Any, type: TensorType) -> np.ndarray[Any, Any]:
        array: np.ndarray[Any, Any] = self._backend.download(buffer, type)
        return array

    def synchronize(self, index: int) -> None:
        self._backend.synchronize(index)

    def memory_stats(self, index: int) -> dict[str, int]:
        stats: dict[str, int] = self._backend.memory_stats(index)
        return stats

    def expands(self, instruction: Instruction) -> bool:
        return bool(self._expands(instruction))

    def self_check(self, index: int) -> str:
        return str(self._self_check(index))

    def notes(self, index: int) -> tuple[str, ...]:
        return tuple(self._notes(index))

    def bits_depend_on(self, index: int) -> dict[str, str]:
        return dict(self._bits(index))

    def start_profile(self) -> None:
        self._backend.start_profile()

    def finish_profile(self) -> list[InstructionCost]:
        costs: list[InstructionCost] = self._backend.finish_profile()
        return costs


class _ExecutableByMethods(Executable):
    def __init__(self, executable: Any) -> None:
        self._executable = executable
        self.plan_seconds = getattr(executable, "plan_seconds", 0.0)
        self._begin_steps = getattr(executable, "begin_steps", super().begin_steps)
        self._memory_bytes = getattr(executable, "memory_bytes", super().memory_bytes)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = self._executable(inputs)
        return outputs

    def bind_state(self, buffers: Sequence[Any]) -> None:
        self._executable.bind_state(buffers)

    def step(self, inputs: Sequence[Any]) -> list[Any]:
        outputs: list[Any] = self._executable.step(inputs)
        return outputs

    def begin_steps(self, call: StepsCall) -> Steps | None:
        begun: Steps | None = self._begin_steps(call)
        return begun

    def memory_bytes(self) -> int | None:
        taken: int | None = self._memory_bytes()
        return taken
