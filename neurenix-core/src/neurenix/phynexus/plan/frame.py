"""The frame of one region while it is lowered: its steps, blocks and the views of its
values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...passes.limits import Limits
from ...primitives import TensorType, ops
from ...primitives.sources import ConstantArray
from ...program.ir import Instruction, Program, Symbol
from .instructions import OPCODES, Copy, Record
from .plan import Region, Step
from .views import Block, Shape, View, contiguous, dense

_COPY = OPCODES["copy"]


class Frame:
    """The steps, blocks and views of a region.

    state     how many leading outputs replace the leading inputs, in place
    visible   how many leading outputs must be contiguous
    region    gives the region of a body, for the strides that it is called with
    limits    the layouts that the device runs best

    `used` has what an instruction or the caller reads.
    """

    def __init__(
        self,
        program: Program,
        input_strides: Sequence[Shape],
        state: int,
        visible: int,
        region: Callable[[Program, Sequence[Shape], int], Region],
        limits: Limits,
    ) -> None:
        self.program = program
        self.state = state
        self.visible = visible
        self.region = region
        self.limits = limits
        self.source: str | None = None
        self.used = {s for i in program.instructions for s in i.inputs}
        self.used.update(program.outputs)
        self.steps: list[Step] = []
        self.blocks: list[Block] = []
        self.windows = _windows(program)
        self.joined: dict[Symbol, View] = {}  # results of concat, once a part is there
        self.uses: dict[Any, int] | None = None  # of right operands of products
        self.laid_out: dict[View, View] = {}  # what was copied for products
        self.views: dict[Symbol, View] = {
            s: View(("input", i), s.type.dtype, s.type.shape, strides)
            for i, (s, strides) in enumerate(
                zip(program.inputs, input_strides, strict=True)
            )
        }

    def block(self, nbytes: int) -> Block:
        added = Block(nbytes)
        self.blocks.append(added)
        return added

    def room(self, type: TensorType) -> Block:
        """A block in which a value fits, as the device stores it."""
        return self.block(self.limits.stored_bytes(type))

    def fresh(self, type: TensorType, order: Sequence[int] | None = None) -> View:
        """A block of its own for a value; `order`: its axes, the slowest first."""
        strides = contiguous(type.shape) if order is None else dense(type.shape, order)
        return View(self.room(type), type.dtype, type.shape, strides)

    def place_for(self, symbol: Symbol, order: Sequence[int] | None = None) -> View:
        """The place where a value is written: its part of a concatenation, or a fresh
        block."""
        part = self.windows.get(symbol)
        if part is None:
            return self.fresh(symbol.type, order)
        joined, axis, begin = part
        if joined not in self.joined:
            self.joined[joined] = self.fresh(joined.type, order)
        return window(self.joined[joined], axis, begin, symbol.type.shape[axis])

    def constant(self, value: ConstantArray) -> View:
        kind = value.type
        return View(("constant", value), kind.dtype, kind.shape, contiguous(kind.shape))

    def emit(
        self,
        opcode: int,
        inputs: Sequence[View],
        outputs: Sequence[View | None],
        params: Record,
        region: int = -1,
    ) -> None:
        self.steps.append(
            Step(opcode, list(inputs), list(outputs), params, region, self.source)
        )

    def copy(self, view: View, out: View) -> None:
        self.emit(_COPY, [view], [out], Copy())

    def fresh_like(self, view: View, order: Sequence[int] | None = None) -> View:
        return self.fresh(TensorType(view.shape, view.dtype), order)

    def copied(self, view: View) -> View:
        out = self.fresh_like(view)
        self.copy(view, out)
        return out

    def as_contiguous(self, view: View) -> View:
        if math.prod(view.shape) == 0:  # any strides do, but an engine reads these
            return replace(view, strides=contiguous(view.shape))
        return view if view.is_contiguous else self.copied(view)

    def result(self, instruction: Instruction, view: View) -> None:
        self.views[instruction.outputs[0]] = view


# Lowers one instruction, given the views of its inputs.
Rule = Callable[[Frame, Instruction, list[View]], None]


def window(view: View, axis: int, begin: int, size: int) -> View:
    """The part of a value that lies at `begin` along an axis."""
    start, stop = [0] * len(view.shape), list(view.shape)
    start[axis], stop[axis] = begin, begin + size
    return view.sliced(tuple(start), tuple(stop), (1,) * len(view.shape))


def _windows(program: Program) -> dict[Symbol, tuple[Symbol, int, int]]:
    """For each value that is computed only to be a part of one concatenation: (the
    result, the axis, where the part begins on it)."""
    computed = {
        s
        for i in program.instructions
        if i.primitive.family in ("elementwise", "contraction")
        or i.primitive is ops.fused
        for s in i.outputs
    }
    parts: dict[Symbol, tuple[Symbol, int, int]] = {}
    for i in program.instructions:
        if i.primitive is not ops.concat:
            continue
        axis, begin = i.params["axis"], 0
        for s in i.inputs:
            if s in computed and s not in parts:
                parts[s] = (i.outputs[0], axis, begin)
            begin += s.type.shape[axis]
    outside = set(program.outputs)
    return {s: place for s, place in parts.items() if s not in outside}
