"""Encodes a plan as the arrays of structs that cross to a native engine, once
(phynexus.h)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidArgumentError
from ...primitives.sources import ConstantArray
from ..source_lines import number_of
from .params import encoded
from .place import aligned
from .plan import Plan, Step
from .views import Block, View

MAX_RANK = 8
SCRATCH, INPUT, OUTPUT, CONSTANTS = range(4)

VALUE = np.dtype(
    [
        ("dtype", "i4"),
        ("rank", "i4"),
        ("shape", "i8", MAX_RANK),
        ("strides", "i8", MAX_RANK),
        ("space", "i4"),
        ("index", "i4"),
        ("offset", "i8"),
    ],
    align=True,
)
INSTRUCTION = np.dtype(
    [
        (n, "i4")
        for n in (
            "opcode",
            "inputs",
            "outputs",
            "first_operand",
            "params",
            "first_param",
            "region",
            "line",
        )
    ],
    align=True,
)
REGION = np.dtype(
    [(n, "i4") for n in ("inputs", "outputs", "first_instruction", "instructions")]
    + [("scratch_bytes", "i8")],
    align=True,
)


@dataclass
class Encoded:
    values: Any
    instructions: Any
    operands: Any
    params: Any
    regions: Any
    constants: Any
    input_bytes: Any
    output_bytes: Any


class _Encoder:
    def __init__(self) -> None:
        self.values: list[Any] = []
        self.known: dict[Any, int] = {}
        self.instructions: list[Any] = []
        self.operands: list[int] = []
        self.params: list[int] = []
        self.constants: dict[ConstantArray, int] = {}
        self.constant_bytes = 0

    def place_of(self, view: View) -> tuple[int, int, int]:
        root = view.root
        if isinstance(root, Block):
            if root.home is None:
                return SCRATCH, 0, root.offset
            root = root.home
        kind, which = root
        if kind == "constant":
            if which not in self.constants:
                self.constants[which] = self.constant_bytes
                self.constant_bytes += aligned(which.type.nbytes)
            return CONSTANTS, 0, self.constants[which]
        return (INPUT if kind == "input" else OUTPUT), which, 0

    def value(self, view: View) -> int:
        space, index, base = self.place_of(view)
        offset = base + view.offset * view.dtype.itemsize
        key = (view.dtype.code, view.shape, view.strides, space, index, offset)
        found = self.known.get(key)
        if found is None:
            rank = len(view.shape)
            if rank > MAX_RANK:
                raise InvalidArgumentError(
                    f"a tensor of shape {view.shape} has more than {MAX_RANK} axes"
                )
            rest = (0,) * (MAX_RANK - rank)
            found = self.known[key] = len(self.values)
            self.values.append(
                (
                    view.dtype.code,
                    rank,
                    view.shape + rest,
                    view.strides + rest,
                    space,
                    index,
                    offset,
                )
            )
        return found

    def step(self, step: Step) -> None:
        first_operand, first_param = len(self.operands), len(self.params)
        self.operands += [self.value(v) for v in step.inputs]
        self.operands += [-1 if v is None else self.value(v) for v in step.outputs]
        params = encoded(step.params)
        self.params += params
        self.instructions.append(
            (
                step.opcode,
                len(step.inputs),
                len(step.outputs),
                first_operand,
                len(params),
                first_param,
                step.region,
                number_of(step.source),
            )
        )


def encode(plan: Plan) -> Encoded:
    encoder = _Encoder()
    regions = []
    for region in plan.regions:
        first = len(encoder.instructions)
        # the known views are per region: scratch offsets mean something else in each
        encoder.known.clear()
        for step in region.steps:
            encoder.step(step)
        regions.append(
            (
                region.inputs,
                len(region.output_strides),
                first,
                len(region.steps),
                region.scratch,
            )
        )
    constants = np.zeros(max(encoder.constant_bytes, 1), np.uint8)
    for constant, offset in encoder.constants.items():
        data = np.frombuffer(constant.array.tobytes(), np.uint8)
        constants[offset : offset + data.size] = data
    program = plan.program
    return Encoded(
        np.array(encoder.values, VALUE),
        np.array(encoder.instructions, INSTRUCTION),
        np.array(encoder.operands, np.int32),
        np.array(encoder.params, np.int64),
        np.array(regions, REGION),
        constants,
        _bytes(program.input_types),
        _bytes(program.output_types),
    )


def _bytes(types: Sequence[Any]) -> Any:
    return np.array(
        [math.prod(t.shape) * t.dtype.itemsize for t in types] or [0], np.int64
    )
