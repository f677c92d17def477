"""Running sums: an invocation adds a short line in order; a long one is cut into 256
parts, whose sums come first."""

from __future__ import annotations

from neurenix.phynexus.plan.instructions import Cumsum
from neurenix.phynexus.plan.plan import Step

from .indices import Offsets, joined, names, unravel
from .kernel import LANES, Kernel, Row, one_each
from .scalar import expression
from .storage import Operand

SHORT = 256  # elements of a line that one invocation adds
MANY = 4096  # lines of which each is one invocation's anyway


def cumsum(step: Step, p: Cumsum) -> list[Kernel]:
    (x,), (out,) = step.inputs, step.outputs
    assert out is not None
    if p.reverse:
        x, out = x.flipped((p.axis,)), out.flipped((p.axis,))
    length = x.shape[p.axis]
    order = [a for a in out.order if a != p.axis]
    lines = joined(x.shape, order, [x.strides, out.strides])
    if not lines.count * length:
        return []
    row = Row()
    source, target = Operand(row, x), Operand(row, out, write=True)
    offsets = Offsets(row, names("i", lines.sizes))
    from_x, to = (offsets.at(s) for s in lines.strides)
    steps = row.number(x.strides[p.axis]), row.number(out.strides[p.axis])
    count = row.number(length)
    kinds = [x.dtype, x.dtype]
    word = source.load(f"x_start + t * {steps[0]}")
    added = expression("add", x.dtype, kinds, ["sum", word])
    stored = target.store(f"out_start + t * {steps[1]}", "sum")
    starts = [f"let x_start = {from_x};", f"let out_start = {to};", "var sum = 0u;"]
    if length <= SHORT or lines.count >= MANY:
        body = [
            *unravel(row, lines.sizes, "e", "i"),
            *starts,
            f"for (var t = 0u; t < {count}; t = t + 1u) {{ sum = {added}; {stored} }}",
        ]
        return [one_each(row, lines.count, body)]
    before = expression("add", x.dtype, kinds, ["lane_words[lane]", "other"])
    body = [
        f"if (group >= {row.number(lines.count)}) {{ return; }}",
        *unravel(row, lines.sizes, "group", "i"),
        *starts,
        f"let each = {row.number(-(-length // LANES))};",
        "let first = lane * each;",
        f"let last = min(first + each, {count});",
        f"for (var t = first; t < last; t = t + 1u) {{ sum = {added}; }}",
        "lane_words[lane] = sum;",
        "workgroupBarrier();",
        # then each lane's word is the sum up to and with its part (Hillis and Steele)
        f"for (var reach = 1u; reach < {LANES}u; reach = reach << 1u) {{",
        "var other = 0u;",
        "if (lane >= reach) { other = lane_words[lane - reach]; }",
        "workgroupBarrier();",
        f"if (lane >= reach) {{ lane_words[lane] = {before}; }}",
        "workgroupBarrier();",
        "}",
        "sum = 0u;",
        "if (lane > 0u) { sum = lane_words[lane - 1u]; }",
        f"for (var t = first; t < last; t = t + 1u) {{ sum = {added}; {stored} }}",
    ]
    return [row.kernel(body, lines.count)]
