"""Reductions of a fused step.

Up to 256 terms go in order, by one invocation. More are shared by the 256 lanes of a
workgroup: lane l takes the terms l, l + 256, ..., and a fixed tree adds the lanes up.
Where results, and not terms, lie beside each other, as the channels of images do, a
workgroup takes eight of them with 32 lanes each: memory gives eight words at once.
Where terms are very many, and workgroups few, several take a part of the terms, and a
second dispatch reduces the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurenix.dtypes import Dtype, float16, float32, uint8, uint32
from neurenix.phynexus.plan.instructions import NAMES, OPCODES, End, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous

from .accumulators import Accumulator
from .indices import Axes, Offsets, joined, names, unravel
from .kernel import LANES, Kernel, Row, one_each
from .registers import registers
from .storage import Operand

IN_ORDER = 256  # terms that one invocation adds
BESIDE = 8  # results of a workgroup where neighbours lie beside each other
A_PART = 1 << 14  # terms of a part, at least
ENOUGH_GROUPS = 32  # of which none needs another's help

# What parts of results are kept as, between two dispatches.
_WIDE: dict[Dtype, Dtype] = {float16: float32, uint8: uint32}


@dataclass(frozen=True)
class _Chain:
    """A fused step that reduces: `order` has the axes that stay, `kept` and `terms` are
    those and the reduced ones, with the strides of inputs and outputs."""

    step: Step
    p: Fused
    outputs: tuple[View, ...]
    order: tuple[int, ...]
    kept: Axes
    terms: Axes


def reduced(step: Step, p: Fused) -> list[Kernel]:
    chain = _chain(step, p)
    if not chain.kept.count:
        return []
    if chain.terms.count <= IN_ORDER:
        return [_in_order(chain)]
    columns = BESIDE if _lie_beside(chain) else 1
    return _shared(chain, columns, _parts(chain, columns))


def _chain(step: Step, p: Fused) -> _Chain:
    outputs = tuple(v for v in step.outputs if v is not None)
    small = next((v for e, v in zip(p.ends, outputs, strict=True) if e.reduction), None)
    order = tuple(a for a in (small or outputs[0]).order if a not in p.axes)
    operands = [v.strides for v in (*step.inputs, *outputs)]
    kept = joined(p.shape, order, operands)
    terms = joined(p.shape, p.axes, operands)
    return _Chain(step, p, outputs, order, kept, terms)


def _lie_beside(chain: _Chain) -> bool:
    """Whether neighbouring results read neighbouring words, and neighbouring terms do
    not."""
    inputs = len(chain.step.inputs)
    pairs = list(zip(chain.kept.strides, chain.terms.strides, strict=True))[:inputs]
    lines = any(b[-1:] == (1,) for _, b in pairs)
    return not lines and any(a[-1:] == (1,) for a, _ in pairs)


def _parts(chain: _Chain, columns: int) -> int:
    """How many workgroups share their results."""
    if any(e.reduction == OPCODES["argmax"] for e in chain.p.ends):
        return 1
    groups = -(-chain.kept.count // columns)
    return max(1, min(ENOUGH_GROUPS // groups, chain.terms.count // A_PART))


def across_lanes(accumulator: Accumulator, columns: int = 1) -> list[str]:
    """The accumulator of lane 0 becomes that of all lanes; of several columns, that of
    each of the first lanes becomes its column's. Few lanes combine many, and then one
    these: between two barriers a software adapter takes all lanes in turns."""
    name, has_place = accumulator.name, accumulator.has_place
    put = [f"lane_words[lane] = {name};"]
    get = ["let other = lane_words[from_lane];"]
    if has_place:
        put.append(f"lane_places[lane] = {name}_place;")
        get.append("let other_place = lane_places[from_lane];")
    lines = [*put, "workgroupBarrier();"]
    several = max(16, 4 * columns)
    for few, many in ((several, LANES), (columns, several)):
        first, until, step = f"lane + {few}u", f"{many}u", f"{few}u"
        lines += [
            f"if (lane < {few}u) {{",
            f"for (var from_lane = {first}; from_lane < {until}; "
            f"from_lane = from_lane + {step}) {{",
            *(*get, *accumulator.combined("other", "other_place")),
            *("}", *put, "}"),
            "workgroupBarrier();",
        ]
    return lines


class _Writer:
    """The text that all ways of sharing the terms have in common.

    before        lines in front of the loop
    inside        lines for one term
    accumulators  with the statement that stores each; in `scratch`, if there is one,
                  at `part_start + e`
    """

    def __init__(self, chain: _Chain, scratch: Sequence[View] = ()) -> None:
        row = self.row = Row()
        step, p = chain.step, chain.p
        reduced_views = iter(
            scratch
            or [v for v, e in zip(chain.outputs, p.ends, strict=True) if e.reduction]
        )
        inputs = [Operand(row, v) for v in step.inputs]
        targets = [
            Operand(row, next(reduced_views) if e.reduction else v, write=True)
            for v, e in zip(chain.outputs, p.ends, strict=True)
        ]
        self.sizes = chain.terms.sizes
        ats = self._offsets(chain)
        loads = [o.load(at) for o, at in zip(inputs, ats, strict=False)]
        self.inside, kinds = registers(loads, [v.dtype for v in step.inputs], p.ops)
        self.accumulators: list[tuple[Accumulator, str]] = []
        for n, (end, target) in enumerate(zip(p.ends, targets, strict=True)):
            at = ats[len(inputs) + n]
            if not end.reduction:
                self.inside.append(target.store(at, f"r{end.value}"))
                continue
            kind = kinds[end.value]
            accumulator = Accumulator(f"total{n}", NAMES[end.reduction], kind)
            self.before += accumulator.declared()
            self.inside += accumulator.with_term(f"r{end.value}", "t")
            at = "part_start + e" if scratch else at
            self.accumulators.append(
                (accumulator, target.store(at, accumulator.result))
            )

    def _offsets(self, chain: _Chain) -> list[str]:
        """Of every operand; what does not change within the loop is named before it."""
        outer = Offsets(self.row, names("i", chain.kept.sizes))
        inner = Offsets(self.row, names("j", chain.terms.sizes))
        self.before: list[str] = []
        known: dict[str, str] = {"0u": "0u"}
        offsets = []
        for a, b in zip(chain.kept.strides, chain.terms.strides, strict=True):
            start, inside = outer.at(a), inner.at(b)
            if start not in known:
                known[start] = f"at{len(known)}"
                self.before.append(f"let {known[start]} = {start};")
            parts = [text for text in (known[start], inside) if text != "0u"]
            offsets.append(" + ".join(parts) or "0u")
        return offsets

    def loop(self, first: str, end: str, step: str) -> list[str]:
        """Over the terms from `first`, each `step`-th; a single one needs no loop."""
        if math.prod(self.sizes) == 1:
            return ["{", "let t = 0u;", *self.inside, "}"]
        return [
            f"for (var t = {first}; t < {end}; t = t + {step}) {{",
            *unravel(self.row, self.sizes, "t", "j"),
            *self.inside,
            "}",
        ]


def _in_order(chain: _Chain) -> Kernel:
    w = _Writer(chain)
    lines = [
        *unravel(w.row, chain.kept.sizes, "e", "i"),
        *w.before,
        *w.loop("0u", w.row.number(chain.terms.count), "1u"),
        *[store for _, store in w.accumulators],
    ]
    return one_each(w.row, chain.kept.count, lines)


def _shared(chain: _Chain, columns: int, parts: int) -> list[Kernel]:
    """A workgroup for so many results beside each other, and a part of their terms."""
    p, results, terms = chain.p, chain.kept.count, chain.terms.count
    shape = (parts, *(p.shape[a] for a in chain.order))
    ends = [(e, v) for e, v in zip(p.ends, chain.outputs, strict=True) if e.reduction]
    scratch = [_scratch(v, shape) for _, v in ends] if parts > 1 else []
    w = _Writer(chain, scratch)
    row = w.row
    blocks, lanes = -(-results // columns), LANES // columns
    count, total = row.number(results), row.number(terms)
    each, groups = row.number(-(-terms // parts)), row.number(blocks * parts)
    of_all = row.number(blocks)
    lines = [
        f"if (group >= {groups}) {{ return; }}",
        f"let part = group / {of_all};",
        f"let column = (group % {of_all}) * {columns}u + lane % {columns}u;",
        f"let e = min(column, {count} - 1u);",
        f"let inside = column < {count};",
        *unravel(row, chain.kept.sizes, "e", "i"),
        *w.before,
        f"let first = part * {each};",
        f"let last = select(first, min(first + {each}, {total}), inside);",
        *w.loop(f"first + lane / {columns}u", "last", f"{lanes}u"),
        f"let part_start = part * {count};",
    ]
    for accumulator, store in w.accumulators:
        lines += across_lanes(accumulator, columns)
        lines.append(f"if ((lane < {columns}u) & inside) {{ {store} }}")
    kernel = row.kernel(lines, blocks * parts)
    if not scratch:
        return [kernel]
    outputs: list[View | None] = []
    for _, v in ends:
        strides = (0, *(v.strides[a] for a in chain.order))
        outputs.append(View(v.root, v.dtype, (1, *shape[1:]), strides, v.offset))
    sums = tuple(End(n, e.reduction) for n, (e, _) in enumerate(ends))
    added = Fused(1, shape, (), sums)
    second = Step(OPCODES["fused"], list(scratch), outputs, added)
    return [kernel, *reduced(second, added)]


def _scratch(result: View, shape: tuple[int, ...]) -> View:
    """A word for each part of each result."""
    dtype = _WIDE.get(result.dtype, result.dtype)
    return View(Block(4 * math.prod(shape)), dtype, shape, contiguous(shape))
