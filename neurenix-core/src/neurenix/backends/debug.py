"""NEURENIX_DEBUG=1: programs run one instruction at a time, and what each gives is
checked, so that a backend's fault is found at the primitive that has it.

Set it before Python starts: what was made ready before it stays as it is.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import Any

from ..errors import BackendError
from ..primitives import TensorType
from ..program import Instruction, Program, Symbol
from ..program.describe import describe_instruction
from ..program.ir import last_uses
from .by_methods import as_executable
from .failures import raise_failure
from .protocol import Backend, Executable


def debugging() -> bool:
    """Whether NEURENIX_DEBUG asks for it."""
    return os.environ.get("NEURENIX_DEBUG", "") not in ("", "0")


class CheckedExecutable(Executable):
    """An `Executable` of any backend, slower and more careful than the backend's own.

    Each instruction is a program of its own to the backend. Raises BackendError with
    the primitive, its inputs' types and the user's line where one raises, or gives
    what is not of the dtype, shape or size that the primitive's contract says.
    """

    def __init__(
        self, backend: Backend, device: str, program: Program, index: int, state: int
    ) -> None:
        self.backend, self.device, self.index = backend, device, index
        self.program = program
        self.written = state
        self.state: list[Any] = []  # weak: whoever holds a buffer is counted
        self.parts = [self._compile(_alone(i), _named(i)) for i in program.instructions]
        self.last_uses = last_uses(program)
        self.commit = (
            self._compile(_assignment(program.output_types[:state]), "a write", state)
            if state
            else None
        )

    def _compile(self, program: Program, what: str, state: int = 0) -> Executable:
        try:
            return as_executable(self.backend.compile(program, self.index, state))
        except Exception as error:  # noqa: BLE001  a plugin's code
            raise_failure(f"{self.device}: to compile {what}", error)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        values: dict[Symbol, Any] = dict(zip(self.program.inputs, inputs, strict=True))
        for i, part, dead in zip(
            self.program.instructions, self.parts, self.last_uses, strict=True
        ):
            outputs = self._run(i, part, [values[s] for s in i.inputs])
            values.update(zip(i.outputs, outputs, strict=True))
            for s in dead:
                del values[s]
        given = set(self.program.inputs)
        return [
            self._copied(values[s], s.type) if s in given else values[s]
            for s in self.program.outputs
        ]

    def bind_state(self, buffers: Sequence[Any]) -> None:
        self.state = [weakref.ref(b) for b in buffers]
        if self.commit is not None:
            self.commit.bind_state(buffers[: self.written])

    def step(self, inputs: Sequence[Any]) -> list[Any]:
        outputs = self([*(ref() for ref in self.state), *inputs])
        if self.commit is not None:
            try:
                self.commit.step(outputs[: self.written])
            except Exception as error:  # noqa: BLE001  a plugin's code
                raise_failure(f"{self.device}: to write the state", error)
        return outputs[self.written :]

    def _run(self, i: Instruction, part: Executable, inputs: list[Any]) -> list[Any]:
        try:
            outputs = part(inputs)
        except Exception as error:  # noqa: BLE001  a plugin's code
            raise_failure(f"{self.device}: {_named(i)}", error)
        if len(outputs) != len(i.outputs):
            raise BackendError(
                f"{self.device}: {_named(i)} gave {len(outputs)} outputs, "
                f"and should give {len(i.outputs)}"
            )
        for buffer, symbol in zip(outputs, i.outputs, strict=True):
            self._check(i, buffer, symbol.type)
        return outputs

    def _check(self, i: Instruction, buffer: Any, type: TensorType) -> None:
        try:
            array = self.backend.download(buffer, type)
        except Exception as error:  # noqa: BLE001  a plugin's code
            raise_failure(f"{self.device}: to download what {_named(i)} gave", error)
        if array.dtype != type.dtype.numpy or array.shape != type.shape:
            raise BackendError(
                f"{self.device}: {_named(i)} gave {array.dtype}{array.shape}, "
                f"and should give {type.dtype.name}{type.shape}"
            )
        if buffer.nbytes != type.nbytes:
            raise BackendError(
                f"{self.device}: {_named(i)} gave a buffer of {buffer.nbytes} bytes, "
                f"and should give {type.nbytes}"
            )

    def _copied(self, buffer: Any, type: TensorType) -> Any:
        """A new buffer for an output of the program, also where the output is an
        input."""
        return self.backend.upload(
            self.backend.download(buffer, type), type, self.index
        )


def _named(i: Instruction) -> str:
    told = describe_instruction(i)
    name = f"{told.primitive} {told.expression}".strip()
    kinds = ", ".join(f"{s.type.dtype.name}{s.type.shape}" for s in i.inputs)
    return f"{name} of ({kinds})" + (f" at {i.source}" if i.source else "")


def _alone(i: Instruction) -> Program:
    inputs = [Symbol(s.type) for s in i.inputs]
    outputs = [Symbol(s.type) for s in i.outputs]
    alone = Instruction(i.primitive, inputs, i.params, outputs, i.source)
    return Program(inputs, [alone], outputs)


def _assignment(types: Sequence[TensorType]) -> Program:
    """(old values, new values) -> new values."""
    old, new = ([Symbol(t) for t in types] for _ in range(2))
    return Program([*old, *new], [], new)
