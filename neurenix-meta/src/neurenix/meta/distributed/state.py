"""State: the part of a learner that changes from step to step, as one flat buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix import nn, optim
from neurenix.primitives import ops
from neurenix.random import Generator
from neurenix.state.cell import Cell
from neurenix.state.protocol import State
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

    That is the parameters that learn, the buffers whose mean over tasks is kept, where
    the random streams are, and the state of an optimizer, if it is given. All else
    (frozen parameters, buffers that steps leave alone) is `still`: it travels only when
    somebody has changed it.
    """

    def __init__(
        self, method: Method, optimizer: optim.Optimizer | None = None
    ) -> None:
        self.method = method
        self.optimizer = optimizer
        self.streams = streams_of(method)
        self.names = [name for name, c in method.named_cells().items() if _moves(c)]
        self.layout = Layout.of(self._all())
        owners: list[State] = [method] if optimizer is None else [method, optimizer]
        state = [*owners, nx.random.default_generator]
        self._pack = nx.compile(self._packed, state=state)
        self._take = nx.compile(self._taken, state=state)

    def _all(self) -> list[Cell]:
        """The parameters and buffers, what an optimizer keeps of them, and the streams'
        places."""
        cells = self.method.named_cells()
        found: list[Cell] = [cells[name] for name in self.names]
        if self.optimizer is not None:
            known = {id(cell) for cell in cells.values()}
            kept = self.optimizer.state_cells().values()
            found += [cell for cell in kept if id(cell) not in known]
        return [*found, *(stream.step for stream in self.streams)]

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
