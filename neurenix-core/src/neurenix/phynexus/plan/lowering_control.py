"""Lowers call, map and scan: their bodies become regions of the plan, which take their
inputs with the strides that these have."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...program.ir import Instruction, Program
from .frame import Frame, Rule
from .instructions import Call, Map, Scan, Turns
from .operands import rows_for_loop
from .plan import Region
from .views import View


def _outputs_of(
    frame: Frame, i: Instruction, region: Region, leads: Sequence[int | None]
) -> list[View | None]:
    """Dense outputs in the region's own layouts; `leads`: the size of a stacked
    axis."""
    made: list[View | None] = []
    for symbol, strides, lead in zip(
        i.outputs, region.output_strides, leads, strict=True
    ):
        kind = symbol.type
        if lead is not None:
            strides = (max(math.prod(kind.shape[1:]), 1), *strides)
        view = View(frame.room(kind), kind.dtype, kind.shape, strides)
        frame.views[symbol] = view
        made.append(view)
    return made


def _call(frame: Frame, i: Instruction, views: list[View]) -> None:
    region = frame.region(i.params["body"], [v.strides for v in views], 0)
    scratch = frame.block(region.scratch)
    outputs = _outputs_of(frame, i, region, [None] * len(i.outputs))
    frame.emit(i.primitive.opcode, views, outputs, Call(scratch), region.index)


def _map(frame: Frame, i: Instruction, views: list[View]) -> None:
    p = i.params
    strides = [
        v.strides[1:] if m else v.strides
        for v, m in zip(views, p["mapped"], strict=True)
    ]
    region = frame.region(p["body"], strides, 0)
    leads = [None if s else p["iterations"] for s in p["summed"]]
    outputs = _outputs_of(frame, i, region, leads)
    params = Map(p["iterations"], p["chunk"], tuple(p["mapped"]), tuple(p["summed"]))
    frame.emit(i.primitive.opcode, views, outputs, params, region.index)


def _scan(frame: Frame, i: Instruction, views: list[View]) -> None:
    p = i.params
    consts, carries, length = p["consts"], p["carries"], p["length"]
    body: Program = p["body"]
    if length > 1:
        fixed = zip(body.inputs[:consts], views, strict=False)
        views = [
            *(rows_for_loop(frame, body, s, v) for s, v in fixed),
            *views[consts:],
        ]
    views = [
        frame.as_contiguous(v) if consts <= n < consts + carries else v
        for n, v in enumerate(views)
    ]
    strides = [
        v.strides if n < consts + carries else v.strides[1:]
        for n, v in enumerate(views)
    ]
    region = frame.region(body, strides, len(body.outputs))
    ys = len(body.outputs) - carries
    outputs: list[View | None] = []
    for n, symbol in enumerate(i.outputs):
        if n >= carries + ys and symbol not in frame.used:
            outputs.append(None)
            continue
        frame.views[symbol] = frame.fresh(symbol.type)
        outputs.append(frame.views[symbol])
    scratch = frame.block(region.scratch)
    params = Scan(
        scratch=scratch,
        length=length,
        consts=consts,
        xs=len(views) - consts - carries,
        ys=ys,
        reverse=p["reverse"],
        carries=tuple(
            Turns(frame.room(t), frame.room(t)) for t in body.output_types[:carries]
        ),
    )
    frame.emit(i.primitive.opcode, views, outputs, params, region.index)


RULES: dict[str, Rule] = {"call": _call, "map": _map, "scan": _scan}
