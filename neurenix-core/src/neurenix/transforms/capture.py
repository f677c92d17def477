"""Capture: runs a function on symbols and keeps what it did as a program.

A region (the body of a map, a scan, a call) may use tensors from around it: they are
lifted, becoming further inputs. A program that `nx.capture` gives may use none. What a
compiled function may use, `compiled` says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dispatch, tree
from ..arguments import function
from ..dtypes import uint32
from ..errors import CaptureError
from ..passes.simplify import simplify
from ..primitives import Primitive, TensorType, ops
from ..primitives.sources import ConstantArray
from ..program import Instruction, Program, Symbol
from ..state.store import undone_on_failure
from ..tensor import Tensor, literal, tensor
from ..user_lines import at_line, user_line
from .statics import name_around

# One capture at a time: what an object of the state notes in it, such as how often it
# drew, every thread sees.
CAPTURING = threading.RLock()


class Capture:
    """Records into a program. `closed` maps what was lifted to its new input.

    is_whole   whether this is a whole program, which no other one holds
    """

    is_whole = False

    def __init__(self, types: Sequence[TensorType]) -> None:
        self.inputs = [Symbol(t) for t in types]
        self.instructions: list[Instruction] = []
        self.known: set[Symbol] = set(self.inputs)
        self.closed: dict[tuple[int, ...], tuple[Symbol, Tensor]] = {}
        self.constants: dict[ConstantArray, Symbol] = {}
        self.leaves: dict[int, Any] = {}  # of derivatives that begin within, by id
        self.calls = 0  # of bodies that draw random numbers

    def record(
        self,
        primitive: Primitive,
        inputs: Sequence[Tensor],
        params: dict[str, Any],
        types: Sequence[TensorType],
    ) -> list[Symbol]:
        operands = [self.symbol(x) for x in inputs]
        outputs = [Symbol(t) for t in types]
        self.instructions.append(
            Instruction(primitive, operands, params, outputs, user_line())
        )
        self.known.update(outputs)
        return outputs

    def symbol(self, x: Tensor) -> Symbol:
        data = x.data
        if isinstance(data, Symbol) and data in self.known:
            return data
        # A region takes what a derivative around it follows as an input, be it a
        # constant: nothing that the region computes would depend on that.
        if isinstance(data, ConstantArray) and (
            self.is_whole or x.node is None or id(x.node) in self.leaves
        ):
            return self.constant(data)
        return self.lift(x)

    def begin_following(self, leaf: Any) -> None:
        """A derivative begins within this capture, and follows a constant."""
        self.leaves[id(leaf)] = leaf

    def constant(self, value: ConstantArray) -> Symbol:
        found = self.constants.get(value)
        if found is None:
            found = self.constants[value] = Symbol(value.type)
            self.instructions.append(
                Instruction(ops.constant, (), {"value": value}, [found])
            )
            self.known.add(found)
        return found

    def lift(self, x: Tensor) -> Symbol:
        # A tensor that a derivative follows is another input than what shares its data:
        # the array that it was made of, or its `detach()`.
        key = (id(x.data), id(x.node), x.index)
        entry = self.closed.get(key)
        if entry is None:
            entry = self.closed[key] = (Symbol(x.type), x)
        return entry[0]

    def next_call(self) -> Tensor:
        """The number of this call of a body that draws random numbers, uint32: a body
        is captured once, and its keys fold the number in."""
        self.calls += 1
        return literal(np.asarray(self.calls, np.uint32), uint32)

    def outside(self, what: str, remark: str) -> None:
        """Refuses a value from outside, such as `what`."""

    def write(self, cell: Any, value: Any) -> None:
        raise CaptureError(
            f"{cell.name or 'a parameter or buffer'} was given a new value inside "
            f"a mapped, scanned or vmapped function ({user_line()}), "
            "where each iteration has its own: return the value instead "
            "(nn.functional_call returns a module's buffers)"
        )

    def program(self, outputs: Sequence[Tensor]) -> Program:
        ends = [self.symbol(t) for t in outputs]
        inputs = [*self.inputs, *(s for s, _ in self.closed.values())]
        return Program(inputs, self.instructions, ends)

    @property
    def lifted(self) -> list[Tensor]:
        return [t for _, t in self.closed.values()]


@contextmanager
def capturing(into: Capture) -> Iterator[None]:
    """Captures the operations within it in a program. An exception puts back the values
    written outside of it meanwhile, such as the step of a generator."""
    with undone_on_failure(), dispatch.recording(into):
        yield


def capture_flat(
    function: Callable[..., Sequence[Tensor]],
    types: Sequence[TensorType],
    devices: Sequence[Any] = (),
) -> tuple[Program, list[Tensor]]:
    """The program of a function from tensors to a list of them, and the tensors that it
    lifted."""
    recorder = Capture(types)
    with capturing(recorder):
        outputs = function(*symbol_tensors(recorder.inputs, devices))
        program = recorder.program(outputs)
    return program, recorder.lifted


def symbol_tensors(
    symbols: Sequence[Symbol], devices: Sequence[Any] = ()
) -> list[Tensor]:
    where = list(devices) or [None] * len(symbols)
    return [Tensor(s, s.type, d) for s, d in zip(symbols, where, strict=True)]


def inline(program: Program, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Emit a program's instructions into whatever is running now."""
    values: dict[Symbol, Tensor] = dict(zip(program.inputs, inputs, strict=True))
    for i in program.instructions:
        results = _emit(i, [values[s] for s in i.inputs])
        values.update(zip(i.outputs, results, strict=True))
    return [values[s] for s in program.outputs]


def _emit(i: Instruction, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    with at_line(i.source):
        if i.primitive is ops.constant:
            value = i.params["value"]
            return [Tensor(value, value.type, None)]
        out = i.primitive(*inputs, **i.params)
    return out if i.primitive.many else [out]


# ---- nx.capture --------------------------------------------------------------------


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
    """A capture that takes nothing from outside and changes nothing there."""

    is_whole = True

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
