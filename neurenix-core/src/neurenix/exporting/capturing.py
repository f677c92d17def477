"""Captures a function as the program of an entry point: what it reads from outside
becomes weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import tree
from ..devices import Device
from ..errors import CaptureError, InvalidArgumentError
from ..passes.settle import settled
from ..passes.simplify import simplify
from ..primitives import TensorType
from ..program import Program, Symbol
from ..state.cell import Cell
from ..tensor import Tensor, tensor
from ..transforms.capture import CAPTURING, Capture, symbol_tensors
from ..transforms.compiled_capture import StateCapture
from ..transforms.stateful import StatefulFunction
from ..transforms.statics import with_tensors
from ..user_lines import user_line
from .names import check_unique, output_names


@dataclass(frozen=True)
class Captured:
    """A program; the cells that it changes, the tensors that it only reads, and names
    of its outputs. Its inputs are in this order: state, read, arguments."""

    program: Program
    state: tuple[Cell, ...]
    read: tuple[Tensor, ...]
    outputs: tuple[str, ...]


class _ExportCapture(StateCapture):
    """The capture of a whole program that may read tensors from outside."""

    def lift(self, x: Tensor) -> Symbol:
        if isinstance(x.data, Symbol):  # of an earlier capture: refused
            return super().lift(x)
        return Capture.lift(self, x)

    def write(self, cell: Any, value: Any) -> None:
        if id(cell) not in self.ids:
            raise CaptureError(
                f"export: {self.name} gives {cell.name or 'a cell'} a new value at "
                f"{user_line()}, and an artefact changes only its own state: export "
                "nx.compile(f, state=[...]) that lists its owner, or put a module in "
                "its mode of evaluation (.eval())"
            )


def captured(
    entry: str,
    function: StatefulFunction,
    state: Mapping[str, Cell],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tensors: Sequence[Tensor],
    device: Device,
) -> Captured:
    """The program of a function on arguments like these.

    state     the cells of all entry points: none of their values is a constant
    tensors   those of the arguments, in order
    """
    types: list[TensorType] = [t.type for t in tensors]
    cells = list(state.values())
    capture = _ExportCapture(function, cells, types)
    with CAPTURING, capture:
        symbols = symbol_tensors(capture.inputs, [device] * len(types))
        a, k = with_tensors(args, kwargs, symbols)
        result = function.f(*a, **k)
        results = [
            x.value() if isinstance(x, Tensor) else tensor(x)
            for x in tree.flatten(result)[0]
        ]
        for owner in function.owners:
            owner.end_capture()
        program, order, written = capture.finish(results, function.guard)
    names = [*output_names(result), *(["ok"] if function.guard else [])]
    if not names and not written:
        raise InvalidArgumentError(
            f"export: {entry} returns no tensor and changes no state: there is nothing "
            "to export"
        )
    check_unique(f"outputs of {entry}", names)
    return _ordered(simplify(settled(program)), capture, order, written, names)


def _ordered(
    program: Program,
    capture: StateCapture,
    order: Sequence[int],
    written: int,
    names: Sequence[str],
) -> Captured:
    """The program with its inputs in the order of `Captured`, without what it does not
    read."""
    used = {s for i in program.instructions for s in i.inputs} | set(program.outputs)
    cells = [capture.cells[i] for i in order]
    outside: list[tuple[Symbol, Tensor]] = [
        *((capture.symbols[i], capture.cells[i]) for i in order[written:]),
        *capture.closed.values(),
    ]
    read = [(s, x) for s, x in outside if s in used]
    inputs = [
        *(capture.symbols[i] for i in order[:written]),
        *(s for s, _ in read),
        *capture.inputs,
    ]
    whole = Program(inputs, program.instructions, program.outputs, program.reverse_of)
    return Captured(
        whole, tuple(cells[:written]), tuple(x for _, x in read), tuple(names)
    )
