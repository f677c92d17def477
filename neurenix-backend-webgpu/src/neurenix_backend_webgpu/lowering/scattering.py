"""scatter and scatter_add.

An invocation for each element of the result takes the updates that meet there in their
order, so that the sum, or the last of them, is always the same. It reads all of the
index; where that would take long, the index is sorted first, and each finds its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurenix.dtypes import int32
from neurenix.phynexus.plan.instructions import OPCODES, Index, Sort
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous

from .indexing import clamped
from .indices import Offsets, joined, names, unravel
from .kernel import Kernel, Row, one_each
from .scalar import expression
from .sorting import sort
from .storage import Operand

LONG = 1 << 24  # readings of an index, beyond which it is sorted


def scatter(step: Step, p: Index) -> list[Kernel]:
    return _scattered(step, p, adds=False)


def scatter_add(step: Step, p: Index) -> list[Kernel]:
    return _scattered(step, p, adds=True)


def _scattered(step: Step, p: Index, adds: bool) -> list[Kernel]:
    _, index, _ = step.inputs
    (out,) = step.outputs
    assert out is not None
    results, updates = math.prod(out.shape), math.prod(index.shape[p.batch :])
    if not results:
        return []
    if results * updates <= LONG or updates < 2:
        return [_kernel(step, p, adds, None)]
    order = _Sorted.of(index, p.batch)
    size = out.shape[p.axis]
    return [*order.kernels(index, size), _kernel(step, p, adds, order)]


@dataclass(frozen=True)
class _Sorted:
    """Scratch [batch.., updates]: the slots of the updates, those in order, and where
    each stood."""

    slots: View
    ordered: View
    places: View

    @staticmethod
    def of(index: View, batch: int) -> _Sorted:
        shape = (*index.shape[:batch], math.prod(index.shape[batch:]))
        slots, ordered, places = (
            View(Block(4 * math.prod(shape)), int32, shape, contiguous(shape))
            for _ in range(3)
        )
        return _Sorted(slots, ordered, places)

    def kernels(self, index: View, size: int) -> list[Kernel]:
        row = Row()
        whole = contiguous(index.shape)
        axes = joined(index.shape, range(len(index.shape)), [index.strides, whole])
        source, to = Operand(row, index), row.view(self.slots, write=True)
        at = Offsets(row, names("i", axes.sizes)).at(axes.strides[0])
        lines = [
            *unravel(row, axes.sizes, "e", "i"),
            f"store({to} + e, {clamped(row, source.load(at), size)});",
        ]
        params = Sort(len(self.slots.shape) - 1)
        outputs: list[View | None] = [self.ordered, self.places]
        sorts = Step(OPCODES["sort"], [self.slots], outputs, params)
        return [one_each(row, axes.count, lines), *sort(sorts, params)]


def _kernel(step: Step, p: Index, adds: bool, order: _Sorted | None) -> Kernel:
    x, index, updates = step.inputs
    (out,) = step.outputs
    assert out is not None
    wide = len(index.shape) - p.batch
    at, end = p.axis, p.axis + wide
    lines_of = index if order is None else order.ordered
    # along the axes of the result, without the one that is indexed, and of the index
    of_updates = (*updates.strides[:at], 0, *updates.strides[end:])
    of_index = (*lines_of.strides[: p.batch], *(0,) * (len(out.shape) - p.batch))
    chosen = tuple(int(a == at) for a in range(len(out.shape)))
    operands = [x.strides, of_index, of_updates, out.strides, chosen]
    axes = joined(out.shape, out.order, operands)
    row = Row()
    source, news = Operand(row, x), Operand(row, updates)
    target = Operand(row, out, write=True)
    outer = Offsets(row, names("i", axes.sizes))
    from_x, from_index, from_updates, to, slot = (outer.at(s) for s in axes.strides)
    along = [updates.strides[at:end]]
    if order is None:
        along.append(index.strides[p.batch :])
    turns = joined(index.shape[p.batch :], range(wide), along)
    inner = Offsets(row, names("j", turns.sizes))
    next_update, *next_index = (inner.at(s) for s in turns.strides)
    word = news.load(f"update_start + {next_update}")
    if adds:
        word = expression("add", x.dtype, [x.dtype, x.dtype], ["total", word])
    count = row.number(turns.count)
    lines = [
        *unravel(row, axes.sizes, "e", "i"),
        f"var total = {source.load(from_x)};",
        f"let slot = {slot};",
        f"let index_start = {from_index};",
        f"let update_start = {from_updates};",
    ]
    if order is None:
        which = Operand(row, index)
        found = which.load(f"index_start + {next_index[0]}")
        lines += [
            f"for (var t = 0u; t < {count}; t = t + 1u) {{",
            *unravel(row, turns.sizes, "t", "j"),
            f"if ({clamped(row, found, out.shape[at])} == slot) {{ total = {word}; }}",
            "}",
        ]
    else:
        ordered, places = row.view(order.ordered), row.view(order.places)
        lines += [
            "var t = 0u;",
            f"var last = {count};",
            "while (t < last) {",
            "let middle = (t + last) / 2u;",
            f"let before = load({ordered} + index_start + middle) < slot;",
            "if (before) { t = middle + 1u; } else { last = middle; }",
            "}",
            f"for (; t < {count}; t = t + 1u) {{",
            f"if (load({ordered} + index_start + t) != slot) {{ break; }}",
            f"let place = load({places} + index_start + t);",
            *unravel(row, turns.sizes, "place", "j"),
            f"total = {word};",
            "}",
        ]
    return one_each(row, axes.count, [*lines, target.store(to, "total")])
