"""A fused step: an expression on each element, stored, or reduced over axes.

What is reduced goes by one invocation for each result where there are few terms, by the
lanes of a workgroup where there are many (`reductions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neurenix.errors import BackendError
from neurenix.phynexus.plan.instructions import OPCODES, Argmax, Copy, End, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View

from .indices import Offsets, joined, names, unravel
from .kernel import ROW_ROOM, Kernel, Row, one_each
from .reductions import reduced
from .registers import registers
from .storage import Operand, element_bytes


def fused(step: Step, p: Fused) -> list[Kernel]:
    kernels: list[Kernel] = []
    for part in _parts(step, p):
        assert isinstance(part.params, Fused)
        reduces = any(end.reduction for end in part.params.ends)
        kernels += (reduced if reduces else stored)(part, part.params)
    return kernels


def _parts(step: Step, p: Fused) -> list[Step]:
    """The step, or several with a part of its results each, if a row has no room for
    the addresses of all. What overwrites an input comes last, when all have read it."""
    room = ROW_ROOM - _words(step.inputs)
    views = [v for v in step.outputs if v is not None]
    if _words(views) <= room:
        return [step]
    read = {v.root for v in step.inputs}
    results = list(zip(p.ends, views, strict=True))
    last = [r for r in results if _overwritten(r[1]) in read]
    if _words([view for _, view in last]) > room:
        raise BackendError(
            f"one step overwrites {len(last)} tensors, more than a kernel can address"
        )
    groups: list[list[tuple[End, View]]] = [[]]
    for result in (r for r in results if r not in last):
        if _words([view for _, view in (*groups[-1], result)]) > room:
            groups.append([])
        groups[-1].append(result)
    parts = []
    for group in filter(None, [*groups, last]):
        ends, some = zip(*group, strict=True)
        reduces = any(end.reduction for end in ends)
        params = replace(p, ends=ends, reduced=p.reduced if reduces else 0)
        parts.append(replace(step, outputs=list(some), params=params))
    return parts


def _words(views: Sequence[View]) -> int:
    """What their addresses take of a row: a packed one has its start beside it."""
    return sum(1 if element_bytes(v.dtype) == 4 else 2 for v in views)


def _overwritten(view: View) -> object:
    """The input in whose place a result is written, if it is state."""
    home = view.root.home if isinstance(view.root, Block) else None
    return home and ("input", home[1])


def copy(step: Step, p: Copy) -> list[Kernel]:
    """A copy is a chain without an operation."""
    (out,) = step.outputs
    assert out is not None
    return stored(step, Fused(0, out.shape, (), (End(0, 0),)))


def argmax(step: Step, p: Argmax) -> list[Kernel]:
    """A reduction, over the last axes, without an operation."""
    (x,), (out,) = step.inputs, step.outputs
    assert out is not None
    kept = len(x.shape) - p.reduced
    ones = (*x.shape[:kept], *(1,) * p.reduced)
    small = replace(out, shape=ones, strides=(*out.strides, *(0,) * p.reduced))
    mask = sum(1 << a for a in range(kept, len(x.shape)))
    chain = Fused(mask, x.shape, (), (End(0, step.opcode),))
    return reduced(Step(OPCODES["fused"], [x], [small], chain), chain)


def stored(step: Step, p: Fused) -> list[Kernel]:
    """A chain whose results are all stored: an invocation for each element, in the
    order in which the first result lies in memory."""
    outputs = [v for v in step.outputs if v is not None]
    assert len(outputs) == len(step.outputs)  # a fused step has no unread output
    operands = [*step.inputs, *outputs]
    axes = joined(p.shape, outputs[0].order, [v.strides for v in operands])
    if not axes.count:
        return []
    row = Row()
    places = [Operand(row, v) for v in step.inputs]
    targets = [Operand(row, v, write=True) for v in outputs]
    offsets = Offsets(row, names("i", axes.sizes))
    ats = [offsets.at(s) for s in axes.strides]
    inputs = [place.load(at) for place, at in zip(places, ats, strict=False)]
    lines = unravel(row, axes.sizes, "e", "i")
    lines += registers(inputs, [v.dtype for v in step.inputs], p.ops)[0]
    lines += [
        target.store(at, f"r{end.value}")
        for target, at, end in zip(targets, ats[len(inputs) :], p.ends, strict=True)
    ]
    return [one_each(row, axes.count, lines)]
