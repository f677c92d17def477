"""Reductions of a fused step.

Up to 256 terms go in order, by one invocation. More are shared by the 256 lanes of a
workgroup: lane l takes the terms l, l + 256, ..., and a fixed tree adds the lanes up.
Where there are more still, and few results, several workgroups take a part of the terms
each, and a second dispatch reduces the parts.
"""

from __future__ import annotations

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
A_PART = 1 << 14  # terms of one workgroup where several share a result
FEW = 64  # results, of which several workgroups share each

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
    parts = _parts(chain)
    return [_by_lanes(chain)] if parts == 1 else _in_parts(chain, parts)


def _chain(step: Step, p: Fused) -> _Chain:
    outputs = tuple(v for v in step.outputs if v is not None)
    small = next((v for e, v in zip(p.ends, outputs, strict=True) if e.reduction), None)
    order = tuple(a for a in (small or outputs[0]).order if a not in p.axes)
    operands = [v.strides for v in (*step.inputs, *outputs)]
    kept = joined(p.shape, order, operands)
    terms = joined(p.shape, p.axes, operands)
    return _Chain(step, p, outputs, order, kept, terms)


def _parts(chain: _Chain) -> int:
    """How many workgroups share a result."""
    terms = chain.terms.count
    places = any(e.reduction == OPCODES["argmax"] for e in chain.p.ends)
    if places or chain.kept.count > FEW or terms < 2 * A_PART:
        return 1
    return min(-(-terms // A_PART), LANES)


def across_lanes(accumulator: Accumulator) -> list[str]:
    """The accumulator of lane 0 becomes that of all lanes."""
    name, has_place = accumulator.name, accumulator.has_place
    put = [f"lane_words[lane] = {name};"]
    get = ["let other = lane_words[lane + width];"]
    if has_place:
        put.append(f"lane_places[lane] = {name}_place;")
        get.append("let other_place = lane_places[lane + width];")
    return [
        *put,
        "workgroupBarrier();",
        f"for (var width = {LANES // 2}u; width > 0u; width = width >> 1u) {{",
        "if (lane < width) {",
        *(*get, *accumulator.combined("other", "other_place"), *put),
        "}",
        "workgroupBarrier();",
        "}",
    ]


class _Writer:
    """The text that all ways of sharing the terms have in common.

    before        lines in front of the loop
    inside        lines for one term
    accumulators  with the statement that stores each; in `scratch`, if there is one,
                  at the number of the workgroup
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
            at = "group" if scratch else at
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
        """Over the terms from `first`, each `step`-th."""
        return [
            f"for (var t = {first}; t < {end}; t = t + {step}) {{",
            *unravel(self.row, self.sizes, "t", "j"),
            *self.inside,
            "}",
        ]

    def over_lanes(self) -> list[str]:
        """The accumulators of all lanes made one, and stored."""
        lines: list[str] = []
        for accumulator, store in self.accumulators:
            lines += [*across_lanes(accumulator), f"if (lane == 0u) {{ {store} }}"]
        return lines


def _in_order(chain: _Chain) -> Kernel:
    w = _Writer(chain)
    lines = [
        *unravel(w.row, chain.kept.sizes, "e", "i"),
        *w.before,
        *w.loop("0u", w.row.number(chain.terms.count), "1u"),
        *[store for _, store in w.accumulators],
    ]
    return one_each(w.row, chain.kept.count, lines)


def _by_lanes(chain: _Chain) -> Kernel:
    w = _Writer(chain)
    lines = [
        f"if (group >= {w.row.number(chain.kept.count)}) {{ return; }}",
        *unravel(w.row, chain.kept.sizes, "group", "i"),
        *w.before,
        *w.loop("lane", w.row.number(chain.terms.count), f"{LANES}u"),
        *w.over_lanes(),
    ]
    return w.row.kernel(lines, chain.kept.count)


def _in_parts(chain: _Chain, parts: int) -> list[Kernel]:
    """The parts of each result, in scratch, and what reduces them."""
    p, results = chain.p, chain.kept.count
    shape = (parts, *(p.shape[a] for a in chain.order))
    ends = [(e, v) for e, v in zip(p.ends, chain.outputs, strict=True) if e.reduction]
    scratch = []
    for _, v in ends:
        dtype = _WIDE.get(v.dtype, v.dtype)
        scratch.append(
            View(Block(4 * results * parts), dtype, shape, contiguous(shape))
        )
    w = _Writer(chain, scratch)
    each = -(-chain.terms.count // parts)
    first, end = "part * " + w.row.number(each), w.row.number(chain.terms.count)
    lines = [
        f"if (group >= {w.row.number(results * parts)}) {{ return; }}",
        f"let part = group / {w.row.number(results)};",
        f"let result = group % {w.row.number(results)};",
        *unravel(w.row, chain.kept.sizes, "result", "i"),
        *w.before,
        f"let last = min({first} + {w.row.number(each)}, {end});",
        *w.loop(f"{first} + lane", "last", f"{LANES}u"),
        *w.over_lanes(),
    ]
    outputs: list[View | None] = [
        View(
            v.root,
            v.dtype,
            (1, *shape[1:]),
            (0, *(v.strides[a] for a in chain.order)),
            v.offset,
        )
        for _, v in ends
    ]
    added = Fused(
        1, shape, (), tuple(End(n, e.reduction) for n, (e, _) in enumerate(ends))
    )
    second = Step(OPCODES["fused"], list(scratch), outputs, added)
    return [w.row.kernel(lines, results * parts), *reduced(second, added)]
