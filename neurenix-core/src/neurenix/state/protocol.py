"""The protocol of objects in `state=`: a program reads and changes their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cell import Cell


class State:
    """The base of modules, optimizers and generators, and of whatever else has cells.
    Only `state_cells` must be written."""

    def state_cells(self) -> dict[str, Cell]:
        """Its cells, by name."""
        raise NotImplementedError(f"{type(self).__name__} says nothing of its cells")

    def random_streams(self) -> Sequence[State]:
        """The generators whose cells are among its own."""
        return ()

    def begin_capture(self) -> None:
        """A function that has this state is about to be captured."""

    def end_capture(self) -> None:
        """It has been run on symbols, and the capture goes on."""


def as_state(value: Any) -> State | None:
    """The `State` of a value: a cell, a `State`, or any object with the method
    `state_cells`; None for anything else."""
    if isinstance(value, State):
        return value
    if isinstance(value, Cell):
        return _OneCell(value)
    return _ByMethods(value) if hasattr(value, "state_cells") else None


class _OneCell(State):
    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def state_cells(self) -> dict[str, Cell]:
        return {self.cell.name or "cell": self.cell}


class _ByMethods(State):
    """An object that is no `State`, with the defaults of the methods that it lacks."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self._begin = getattr(owner, "begin_capture", super().begin_capture)
        self._end = getattr(owner, "end_capture", super().end_capture)

    def state_cells(self) -> dict[str, Cell]:
        cells: dict[str, Cell] = self.owner.state_cells()
        return cells

    def begin_capture(self) -> None:
        self._begin()

    def end_capture(self) -> None:
        self._end()
