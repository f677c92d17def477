"""Reads what an engine declares, its phx_capabilities, into a `Capabilities`."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..backends.protocol import FLOAT32, PRECISIONS, Capabilities
from ..passes.limits import USUAL, Limits
from ..passes.tasks import TaskCosts
from ..primitives import Primitive, all_primitives, ops
from ..primitives.fused import FUSED_ARGMAX
from . import _bindings
from .plan.encode import MAX_RANK

ffi: Any = _bindings.ffi  # whose C names no type checker knows

FUSED_WITH_ARGMAX = 2  # PHX_FUSED_WITH_ARGMAX


def _needs_no_kernel(primitive: Primitive) -> bool:
    """Whether a plan has no instruction for the primitive: it becomes strides, copies
    or a constant."""
    return primitive.family in ("movement", "identity") or primitive is ops.constant


def declared(raw: Any, engine: str) -> Capabilities:
    """The capabilities of a device, read from its phx_capabilities; `engine` names it
    for people."""
    argmax = raw.opcodes[ops.fused.opcode] == FUSED_WITH_ARGMAX
    return Capabilities(
        dtypes=frozenset(d for d in dtypes.ALL if raw.dtypes >> d.code & 1),
        primitives=frozenset(
            p.name
            for p in all_primitives()
            if _needs_no_kernel(p)
            or (p.opcode < len(raw.opcodes) and raw.opcodes[p.opcode])
        ),
        threads=raw.threads,
        memory_bytes=raw.memory_bytes,
        name=ffi.string(raw.name).decode(),
        instruction_set=ffi.string(raw.instruction_set).decode(),
        host_visible=bool(raw.host_visible),
        engine=engine,
        features=frozenset({FUSED_ARGMAX} if argmax else ()),
        limits=_limits(raw),
        tasks=_tasks(raw),
        precisions=frozenset(
            p
            for number, p in enumerate(PRECISIONS)
            if p == FLOAT32 or raw.precisions >> number & 1
        ),
    )


def _tasks(raw: Any) -> TaskCosts | None:
    """The costs of tasks; None for an engine that declares none."""
    if not raw.task_groups:
        return None
    return TaskCosts(
        lanes=raw.task_lanes,
        groups=raw.task_groups,
        barrier=raw.task_barrier,
        dispatch=raw.task_dispatch,
        most_work=raw.task_most_work,
        most_elements=raw.task_most_elements,
        most_operands=raw.task_most_operands,
        most_steps=raw.task_most_steps,
        most_time=raw.task_most_time,
        memory_bytes=raw.expanded_bytes,
    )


def _limits(raw: Any) -> Limits:
    """The limits that the engine declares; the defaults for one before ABI 1.5, which
    leaves zeros there."""
    levels = tuple(zip(raw.reading_bytes, raw.reading_costs, strict=True))
    return Limits(
        fused_operations=raw.fused_operations or USUAL.fused_operations,
        fused_inputs=raw.fused_inputs or USUAL.fused_inputs,
        axes=min(raw.axes or USUAL.axes, MAX_RANK),
        reading=levels if any(raw.reading_costs) else USUAL.reading,
        channels_fastest=raw.convolution_layout != 2,
        product_rows=max(raw.product_rows or USUAL.product_rows, 0),
    )
