"""Captures of a compiled function: of its body, or of its whole program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from ..dtypes import bool_
from ..errors import CaptureError
from ..primitives import TensorType, ops
from ..primitives.sources import ConstantArray
from ..program import Program, Symbol
from ..state.cell import Cell
from ..state.stand_ins import captured
from ..tensor import Tensor, number
from ..user_lines import user_line
from .capture import Capture, capturing
from .stateful import StatefulFunction
from .statics import name_around


class BodyCapture(Capture):
    """The capture of a compiled function within another: it may use the outer one's
    symbols, and no tensor from outside."""

    def __init__(
        self, name: str, f: Callable[..., Any], types: Sequence[TensorType]
    ) -> None:
        super().__init__(types)
        self.name = name
        self.f = f

    def lift(self, x: Tensor) -> Symbol:
        if not isinstance(x.data, (Symbol, ConstantArray)):
            self.outside(
                f"{name_around(self.f, x)} ({x.type})",
                "a tensor from outside that is neither an argument nor state: "
                "pass it as an argument, list its owner in `state`, "
                "or wrap it in nx.constant if it never changes",
            )
        return super().lift(x)

    def outside(self, what: str, remark: str) -> None:
        raise CaptureError(f"{self.name} uses {what} at {user_line()}, {remark}")


class StateCapture(BodyCapture):
    """The capture of a whole program. While it lasts, and for this thread, its state is
    symbols."""

    is_whole = True

    def __init__(
        self,
        function: StatefulFunction,
        cells: Sequence[Cell],
        types: Sequence[TensorType],
    ) -> None:
        super().__init__(function.__name__, function.f, types)
        self.function = function
        self.cells = list(cells)
        self.symbols = [Symbol(c.type) for c in cells]
        self.known.update(self.symbols)
        self.ids = {id(c) for c in cells}

    def __enter__(self) -> None:
        for owner in self.function.owners:
            owner.begin_capture()
        with ExitStack() as stack:
            stack.enter_context(capturing(self))
            stack.enter_context(captured(self.cells, self.symbols))
            self.entered = stack.pop_all()

    def __exit__(self, *failure: Any) -> None:
        self.entered.__exit__(*failure)

    def lift(self, x: Tensor) -> Symbol:
        if isinstance(x.data, Symbol):  # there is no capture around this one
            self.outside(
                f"a tensor ({x.type}) that an earlier capture has made",
                "which has no value: an attribute or a variable has kept it. Make it "
                "outside of what is compiled (in __init__, as an nn.Buffer), or by "
                "nx.constant",
            )
        return super().lift(x)

    def write(self, cell: Any, value: Any) -> None:
        if id(cell) not in self.ids:
            raise CaptureError(
                f"{self.name} gives {cell.name or 'a cell'} a new value "
                f"at {user_line()}, and it is not in `state`: list its owner there"
            )

    def finish(
        self, outputs: Sequence[Tensor], guard: bool
    ) -> tuple[Program, list[int], int]:
        """The program; the cells in its inputs' order, those that it writes first."""
        now = [Tensor(c.data, c.type, c.device) for c in self.cells]
        written = [
            i
            for i, (t, s) in enumerate(zip(now, self.symbols, strict=True))
            if t.data is not s
        ]
        order = written + [i for i in range(len(self.cells)) if i not in written]
        new = [now[i] for i in written]
        old = [
            Tensor(self.symbols[i], self.cells[i].type, self.cells[i].device)
            for i in written
        ]
        results = list(outputs)
        if guard:
            ok = all_finite([*(o for o in outputs if o.shape == ()), *new])
            new = [ops.where(ok, n, o) for n, o in zip(new, old, strict=True)]
            results.append(ok)
        ends = [self.symbol(t) for t in (*new, *results)]
        inputs = [
            *(self.symbols[i] for i in order),
            *self.inputs,
            *(s for s, _ in self.closed.values()),
        ]
        return Program(inputs, self.instructions, ends), order, len(written)


def all_finite(tensors: Sequence[Tensor]) -> Tensor:
    ok: Tensor | None = None
    for t in tensors:
        if t.dtype.is_floating:
            finite = ops.is_finite(t)
            finite = ops.all(finite, axes=tuple(range(t.ndim))) if t.shape else finite
            ok = finite if ok is None else ops.bitwise_and(ok, finite)
    return number(True, bool_) if ok is None else ok
