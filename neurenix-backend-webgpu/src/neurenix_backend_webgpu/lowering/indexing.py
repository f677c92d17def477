"""gather, scatter and scatter_add.

Where updates meet, an invocation for each element of the result reads the index and
takes its updates in their order: the sum, or the last of them, is always the same.
"""

from __future__ import annotations

import math

from neurenix.phynexus.plan.instructions import Index
from neurenix.phynexus.plan.plan import Step

from .indices import Offsets, joined, names, unravel
from .kernel import Kernel, Row, one_each
from .scalar import expression
from .storage import Operand


def gather(step: Step, p: Index) -> list[Kernel]:
    x, index = step.inputs
    (out,) = step.outputs
    assert out is not None
    if not math.prod(out.shape):
        return []
    wide = len(index.shape) - p.batch
    at, end = p.axis, p.axis + wide
    along = x.strides[at]
    none = (0,) * wide
    of_x = (*x.strides[:at], *none, *x.strides[at + 1 :])
    of_index = (
        *index.strides[: p.batch],
        *(0,) * (at - p.batch),
        *index.strides[p.batch :],
        *(0,) * (len(out.shape) - end),
    )
    axes = joined(out.shape, out.order, [of_x, of_index, out.strides])
    row = Row()
    source, which = Operand(row, x), Operand(row, index)
    target = Operand(row, out, write=True)
    offsets = Offsets(row, names("i", axes.sizes))
    from_x, from_index, to = (offsets.at(s) for s in axes.strides)
    place = _clamped(row, which.load(from_index), x.shape[at])
    lines = [
        *unravel(row, axes.sizes, "e", "i"),
        f"let place = {place};",
        target.store(to, source.load(f"{from_x} + place * {row.number(along)}")),
    ]
    return [one_each(row, axes.count, lines)]


def scatter(step: Step, p: Index) -> list[Kernel]:
    return _scattered(step, p, adds=False)


def scatter_add(step: Step, p: Index) -> list[Kernel]:
    return _scattered(step, p, adds=True)


def _scattered(step: Step, p: Index, adds: bool) -> list[Kernel]:
    x, index, updates = step.inputs
    (out,) = step.outputs
    assert out is not None
    if not math.prod(out.shape):
        return []
    wide = len(index.shape) - p.batch
    at, end = p.axis, p.axis + wide
    # along the axes of the result, without the one that is indexed, and of the index
    of_updates = (*updates.strides[:at], 0, *updates.strides[end:])
    of_index = (*index.strides[: p.batch], *(0,) * (len(out.shape) - p.batch))
    chosen = tuple(int(a == at) for a in range(len(out.shape)))
    axes = joined(
        out.shape, out.order, [x.strides, of_index, of_updates, out.strides, chosen]
    )
    shape = index.shape[p.batch :]
    order = range(wide)
    turns = joined(shape, order, [index.strides[p.batch :], updates.strides[at:end]])
    row = Row()
    source, which, news = Operand(row, x), Operand(row, index), Operand(row, updates)
    target = Operand(row, out, write=True)
    outer = Offsets(row, names("i", axes.sizes))
    inner = Offsets(row, names("j", turns.sizes))
    from_x, from_index, from_updates, to, slot = (outer.at(s) for s in axes.strides)
    next_index, next_update = (inner.at(s) for s in turns.strides)
    news_word = news.load(f"update_start + {next_update}")
    kinds = [x.dtype, x.dtype]
    word = (
        expression("add", x.dtype, kinds, ["total", news_word]) if adds else news_word
    )
    place = _clamped(row, which.load(f"index_start + {next_index}"), x.shape[at])
    lines = [
        *unravel(row, axes.sizes, "e", "i"),
        f"var total = {source.load(from_x)};",
        f"let slot = {slot};",
        f"let index_start = {from_index};",
        f"let update_start = {from_updates};",
        f"for (var t = 0u; t < {row.number(turns.count)}; t = t + 1u) {{",
        *unravel(row, turns.sizes, "t", "j"),
        f"if ({place} == slot) {{ total = {word}; }}",
        "}",
        target.store(to, "total"),
    ]
    return [one_each(row, axes.count, lines)]


def _clamped(row: Row, word: str, size: int) -> str:
    last = row.number(max(size - 1, 0))
    return f"u32(clamp(bitcast<i32>({word}), 0, bitcast<i32>({last})))"
