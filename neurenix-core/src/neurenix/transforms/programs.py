"""nx.capture: the program of a function, to be read, counted or saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..arguments import function
from ..errors import CaptureError
from ..passes.simplify import simplify
from ..primitives import TensorType
from ..program import Program, Symbol
from ..sources import user_line
from ..tensor import Tensor, tensor
from .capture import Capture, capturing, symbol_tensors
from .statics import name_around


def capture(f: Callable[..., Any], *args: Any) -> Program:
    """The program of f on arguments like these, simplified, before anything is fused.

    Arguments and results are trees. Tensors and arrays among the arguments become the
    inputs, in order; their values do not matter. Anything else is passed on as it is.

    Raises CaptureError, naming it, for a tensor that is no argument (wrap it in
    nx.constant, or make it one: for a module, nn.functional_call), for a write to a
    parameter or buffer, and for control flow that depends on values.

    >>> import neurenix as nx
    >>> program = nx.capture(nx.grad(lambda x: (x * x).sum()), nx.zeros(3))
    >>> [i.primitive.name for i in program.instructions]
    ['add']
    """
    function("capture", f)
    leaves, structure = tree.flatten(args)
    leaves = [tensor(x) if isinstance(x, np.ndarray) else x for x in leaves]
    given = [x.value() for x in leaves if isinstance(x, Tensor)]
    recorder = _ClosedCapture(f, [x.type for x in given])
    with capturing(recorder):
        symbols = iter(symbol_tensors(recorder.inputs, [x.device for x in given]))
        passed = [next(symbols) if isinstance(x, Tensor) else x for x in leaves]
        results, _ = tree.flatten(f(*tree.unflatten(structure, passed)))
        ends = [x.value() if isinstance(x, Tensor) else tensor(x) for x in results]
        program = recorder.program(ends)
    return simplify(program)


class _ClosedCapture(Capture):
    """Takes nothing from outside, and changes nothing there."""

    def __init__(self, f: Callable[..., Any], types: list[TensorType]) -> None:
        super().__init__(types)
        self.f = f

    def lift(self, x: Tensor) -> Symbol:
        self.outside(
            f"{name_around(self.f, x)} ({x.type})",
            "a tensor from outside: pass it as an argument, "
            "or wrap it in nx.constant if it never changes",
        )
        return super().lift(x)

    def outside(self, what: str, remark: str) -> None:
        raise CaptureError(
            f"capture: the function uses {what} at {user_line()}, {remark}"
        )

    def write(self, cell: Any, value: Any) -> None:
        raise CaptureError(
            f"capture: {cell.name or 'a cell'} is given a new value at {user_line()}, "
            "and a program alone has no state: return the value instead"
        )
