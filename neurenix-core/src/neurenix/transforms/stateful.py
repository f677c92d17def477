"""A function with its state: what `nx.compile` captures, and `nx.debug.eager` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..errors import InvalidArgumentError
from ..state.cell import Cell
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
        for s in self.state:
            if not isinstance(s, Cell) and not hasattr(s, "state_cells"):
                raise InvalidArgumentError(
                    "compile: state lists modules, optimizers, generators "
                    f"and parameters, not {s!r}"
                )
        self.__name__ = getattr(f, "__name__", "compiled")

    def cells(self) -> dict[str, Cell]:
        """All state, by name; a cell that two objects share once."""
        found: dict[str, Cell] = {}
        seen: set[int] = set()
        for number, s in enumerate(self.state):
            named = {s.name or "cell": s} if isinstance(s, Cell) else s.state_cells()
            for name, cell in named.items():
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
