"""A function with its state: what `nx.compile` captures, and `nx.debug.eager` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..errors import InvalidArgumentError
from ..state.cell import Cell
from ..state.protocol import State, as_state
from ..state.stand_ins import first_replaced


class StatefulFunction:
    """A function, the objects whose cells it reads and changes, and whether a result
    that is not finite leaves them as they are (guard)."""

    def __init__(self, f: Callable[..., Any], state: Any, guard: bool) -> None:
        if not callable(f):
            raise InvalidArgumentError(f"compile: {f!r} is not callable")
        self.f: Callable[..., Any] = f
        self.guard: bool = guard
        self.state = list(tree.flatten(state)[0])
        self.owners: list[State] = []  # the same, as whoever asks for cells wants them
        for s in self.state:
            owner = as_state(s)
            if owner is None:
                raise InvalidArgumentError(
                    "compile: state lists modules, optimizers, generators "
                    f"and parameters, not {s!r}"
                )
            self.owners.append(owner)
        self.__name__ = getattr(f, "__name__", "compiled")

    def cells(self) -> dict[str, Cell]:
        """All state, by name; a cell that two objects share once."""
        found: dict[str, Cell] = {}
        seen: set[int] = set()
        for number, owner in enumerate(self.owners):
            for name, cell in owner.state_cells().items():
                if id(cell) not in seen:
                    seen.add(id(cell))
                    found[name if name not in found else f"{name}#{number}"] = cell
        return found

    def refuse_stand_ins(self, cells: Sequence[Cell]) -> None:
        """Raises where something stands in for a cell: programs are bound to the state
        itself."""
        given = first_replaced(cells)
        if given is not None:
            raise InvalidArgumentError(
                f"{self.__name__}: nn.functional_call stands in for its state "
                f"{given.name or 'a cell'}; call what is not compiled, or compile "
                "what calls functional_call"
            )
