"""The sums of a map: one term of each task, in the order of `fixed_tree_sum`.

Equal-sized neighbours merge, as in a binary counter: a place of `waiting` holds the sum
of as many terms as its bit counts. What is left merges from the smallest up.
"""

from __future__ import annotations

from neurenix.phynexus.plan.instructions import OPCODES, End, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import View

from .fused import fused
from .kernel import Kernel, Row, one_each
from .scalar import expression
from .storage import Operand


def tree_sum(terms: View, out: View) -> list[Kernel]:
    """The sum over the tasks, from `terms` [tasks, elements] into `out` [elements]."""
    count, elements = terms.shape
    if not elements:
        return []
    if not count:  # a sum of nothing
        nothing = Fused(1, (0, elements), (), (End(0, OPCODES["sum"]),))
        wide = View(out.root, out.dtype, (1, elements), (0, *out.strides), out.offset)
        return fused(Step(OPCODES["fused"], [terms], [wide], nothing), nothing)
    row = Row()
    term, total = Operand(row, terms), Operand(row, out, write=True)
    number = row.number(count)
    dtype = out.dtype
    added = expression("add", dtype, [dtype, dtype], ["waiting[place]", "sum"])
    lines = [
        "var waiting: array<u32, 32>;",
        f"for (var t = 0u; t < {number}; t = t + 1u) {{",
        f"var sum = {term.load(f't * {row.number(terms.strides[0])} + e')};",
        "var place = 0u;",
        "while (((t >> place) & 1u) == 1u) {",
        f"sum = {added};",
        "place = place + 1u;",
        "}",
        "waiting[place] = sum;",
        "}",
        f"var place = firstTrailingBit({number});",
        "var sum = waiting[place];",
        "for (place = place + 1u; place < 32u; place = place + 1u) {",
        f"if ((({number} >> place) & 1u) == 1u) {{ sum = {added}; }}",
        "}",
        total.store("e", "sum"),
    ]
    return [one_each(row, elements, lines)]
