"""Lowers a program to its plan.

Movement becomes strides and offsets; elementwise instructions become fused ones; every
value gets its place in memory. Layouts are chosen here: convolutions keep channels or
the width fastest, as the device likes it; elementwise results take the order of their
largest input; what a caller can see is contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...passes.limits import USUAL, Limits
from ...program.ir import Program
from . import lowering_control, lowering_rules
from .frame import Frame
from .outputs import store_outputs
from .place import place
from .plan import Plan, Region
from .views import Block, Shape, contiguous

_RULES = {**lowering_rules.RULES, **lowering_control.RULES}


def make_plan(program: Program, state: int = 0, limits: Limits = USUAL) -> Plan:
    """`state`: the first outputs replace the first inputs, in place. `limits`: the
    layouts that the device runs best."""
    lowering = _Lowering(Plan(program), limits)
    inputs = [contiguous(t.shape) for t in program.input_types]
    lowering.lower(program, inputs, state, visible=len(program.outputs))
    return lowering.plan


class _Lowering:
    """Lowers each body once for the strides that it is called with."""

    def __init__(self, plan: Plan, limits: Limits) -> None:
        self.plan = plan
        self.limits = limits
        self.memo: dict[Any, Region] = {}

    def region(
        self, body: Program, strides: Sequence[Shape], visible: int = 0
    ) -> Region:
        key = (body, tuple(strides), visible)
        lowered = self.memo.get(key)
        if lowered is None:
            lowered = self.memo[key] = self.lower(body, strides, 0, visible)
        return lowered

    def lower(
        self, program: Program, strides: Sequence[Shape], state: int, visible: int
    ) -> Region:
        frame = Frame(program, strides, state, visible, self.region, self.limits)
        for i in program.instructions:
            frame.source = i.source
            rule = _RULES.get(i.primitive.name) or _RULES[i.primitive.family]
            rule(frame, i, [frame.views[s] for s in i.inputs])
        frame.source = None
        outputs = store_outputs(frame)
        _find_live_ranges(frame)
        region = Region(frame.steps, len(program.inputs), outputs)
        region.scratch = place(
            b for b in frame.blocks if b.home is None and b.first >= 0
        )
        region.index = len(self.plan.regions)
        self.plan.regions.append(region)
        return region


def _find_live_ranges(frame: Frame) -> None:
    for k, step in enumerate(frame.steps):
        touched = [v.root for v in (*step.inputs, *step.outputs) if v is not None]
        touched += step.params.blocks()
        for root in touched:
            if isinstance(root, Block):
                root.first = k if root.first < 0 else root.first
                root.last = k
