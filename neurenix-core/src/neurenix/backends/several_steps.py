"""Several steps of an executable in a row, for backends that have no way of their own.

A step's inputs are slices of stacked buffers, or shared; its outputs are stacked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import TensorType
from .protocol import Backend, Executable, Steps, StepsCall


def stacked(type: TensorType, count: int) -> TensorType:
    return TensorType((count, *type.shape), type.dtype)


def begin_steps(
    backend: Backend, index: int, executable: Executable, call: StepsCall
) -> Steps:
    """The backend's own way where it has one, else one step after the other."""
    begun = executable.begin_steps(call)
    return StepsInTurn(backend, index, executable, call) if begun is None else begun


class StepsInTurn:
    """Slices and stacks on the host: right everywhere, and fast nowhere."""

    def __init__(
        self, backend: Backend, index: int, executable: Executable, call: StepsCall
    ) -> None:
        self.backend = backend
        self.index = index
        self.run = executable.step if call.stateful else executable
        self.call = call
        self.made: list[list[Any]] = []
        self.stopped = False
        self.rows = [
            backend.download(x, stacked(t, call.count)) if moves else None
            for x, t, moves in zip(call.inputs, call.types, call.moving, strict=True)
        ]

    @property
    def done(self) -> int:
        return len(self.made)

    def go_on(self) -> None:
        i, backend = self.done, self.backend
        inputs = [
            shared if rows is None else backend.upload(rows[i], type, self.index)
            for shared, rows, type in zip(
                self.call.inputs, self.rows, self.call.types, strict=True
            )
        ]
        outputs = self.run(inputs)
        self.made.append(outputs)
        if self.call.guarded:
            ok = backend.download(outputs[-1], self.call.out_types[-1])
            self.stopped = not ok.item()

    def outputs(self) -> list[Any]:
        return [
            self.backend.upload(
                np.stack([self.backend.download(row[k], type) for row in self.made]),
                stacked(type, self.done),
                self.index,
            )
            for k, type in enumerate(self.call.out_types)
        ]
