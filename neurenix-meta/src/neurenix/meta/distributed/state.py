"""State: the part of a learner that changes from step to step, as one flat buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix import nn
from neurenix.primitives import ops
from neurenix.random import Generator
from neurenix.state.cell import Cell
from neurenix.tensor import literal

from ..method import Method
from .flat import Bytes, Layout, packed, tensors_of, unpacked


def streams_of(method: Method) -> list[Generator]:
    """The random streams that a meta-step may draw from, the default one last."""
    own = [g for g in method.random_streams() if isinstance(g, Generator)]
    default = nx.random.default_generator
    return [*(g for g in own if g is not default), default]


def advance(method: Method, drawn: Sequence[int]) -> None:
    """Moves streams on as a program that draws from them does: within a program."""
    streams = streams_of(method)
    for number in drawn:
        step = streams[number].step
        step.assign(ops.add(step, literal(np.asarray(1), step.dtype)))


class MovingState:
    """What workers get before each step: all that a meta-step changes in a learner.

    That is the parameters that learn, the buffers whose mean over tasks is kept, and
    where the random streams are. All else (frozen parameters, buffers that steps leave
    alone) is `still`: it travels only when somebody has changed it.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self.streams = streams_of(method)
        self.names = [name for name, c in method.named_cells().items() if _moves(c)]
        self.layout = Layout.of([*self._cells(), *(g.step for g in self.streams)])
        state = [method, nx.random.default_generator]
        self._pack = nx.compile(self._packed, state=state)
        self._take = nx.compile(self._taken, state=state)

    def _cells(self) -> list[Cell]:
        cells = self.method.named_cells()
        return [cells[name] for name in self.names]

    def _all(self) -> list[Cell]:
        return [*self._cells(), *(g.step for g in self.streams)]

    def _packed(self) -> list[nx.Tensor]:
        return packed([cell.value() for cell in self._all()])

    def _taken(self, parts: Sequence[nx.Tensor]) -> None:
        for cell, value in zip(self._all(), unpacked(parts, self.layout), strict=True):
            cell.assign(value)

    def read(self) -> Bytes:
        """The state as it is now."""
        return self.layout.joined([part.numpy() for part in self._pack()])

    def write(self, buffer: Bytes) -> None:
        """Gives the learner the state in a buffer."""
        self._take(list(tensors_of(self.layout, buffer)))

    def places(self) -> list[int]:
        """How many draws each random stream has made."""
        return [int(stream.step.item()) for stream in self.streams]

    # ---- what stays ------------------------------------------------------------------

    def still(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the values that no meta-step changes, by name."""
        names = set(self.names)
        return {
            name: np.array(cell.numpy())
            for name, cell in self.method.named_cells().items()
            if name not in names
        }

    def write_still(self, values: dict[str, NDArray[np.generic]]) -> None:
        cells = self.method.named_cells()
        for name, value in values.items():
            cells[name].assign(nx.tensor(value, dtype=cells[name].dtype))


def _moves(cell: nn.Parameter | nn.Buffer) -> bool:
    if isinstance(cell, nn.Buffer):
        return cell.reduction == "mean"
    return cell.requires_grad
