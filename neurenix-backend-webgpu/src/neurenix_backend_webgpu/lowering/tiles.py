"""Contractions by tiles: a workgroup computes 64 x 64 results, each lane 4 x 4 of them.

Sixteen terms at a time go through workgroup memory. A vector there has the values of
rows r, r + 16, r + 32 and r + 48, which one lane brings and one lane wants. A term has
a vector more than it fills: so lanes with neighbouring terms write different banks.
"""

from __future__ import annotations

from dataclasses import replace

from neurenix.dtypes import float32
from neurenix.phynexus.plan.instructions import OPCODES, End, Fused
from neurenix.phynexus.plan.plan import Step
from neurenix.phynexus.plan.views import Block, View, contiguous

from .contractions import Contraction, Loads, begin, offset
from .indices import names, unravel
from .kernel import Kernel, Row
from .reductions import reduced
from .storage import Operand

TILE = 64
DEPTH = 16  # terms at a time
PITCH = TILE // 4 + 1
ENOUGH_GROUPS = 64  # below that, workgroups share the terms
A_PART = 256  # terms of a part, at least


def by_tiles(c: Contraction) -> list[Kernel]:
    batch, m, n, k = c.sizes
    tiles = batch * -(-m // TILE) * -(-n // TILE)
    parts = max(1, min(ENOUGH_GROUPS // tiles, k // A_PART))
    if parts == 1:
        return [_kernel(c, tiles, 1, None)]
    shape = (parts, *c.batch, *c.rows, *c.columns)
    scratch = View(Block(4 * parts * batch * m * n), float32, shape, contiguous(shape))
    strides = (0, *c.batches[2], *c.out_rows, *c.out_columns)
    out = View(c.out.root, c.out.dtype, (1, *shape[1:]), strides, c.out.offset)
    added = Fused(1, shape, (), (End(0, OPCODES["sum"]),))
    sum_ = Step(OPCODES["fused"], [scratch], [out], added)
    return [_kernel(c, tiles, parts, scratch), *reduced(sum_, added)]


def _kernel(c: Contraction, tiles: int, parts: int, scratch: View | None) -> Kernel:
    row = Row()
    loads, out = begin(c if scratch is None else _into(c, scratch), row)
    _, m, n, k = c.sizes
    b = names("b", c.batch)
    each = -(-k // (parts * DEPTH)) * DEPTH
    total, across, down = (
        row.number(x) for x in (tiles * parts, -(-n // TILE), -(-m // TILE))
    )
    rows, columns, terms, part_terms = (row.number(x) for x in (m, n, k, each))
    all_tiles = row.number(tiles)
    lines = [
        f"if (group >= {total}) {{ return; }}",
        f"let part = group / {all_tiles};",
        f"let tile = group % {all_tiles};",
        f"let first_column = (tile % {across}) * {TILE}u;",
        f"let first_row = ((tile / {across}) % {down}) * {TILE}u;",
        f"let batch = tile / {across} / {down};",
        *unravel(row, c.batch, "batch", "b", "batch"),
        f"let left_start = {offset(row, 'left batch', b, c.batches[0])};",
        f"let right_start = {offset(row, 'right batch', b, c.batches[1])};",
        f"let first = part * {part_terms};",
        f"let last = min(first + {part_terms}, {terms});",
        "let y = lane >> 4u;",
        "let x = lane & 15u;",
    ]
    left = _Loader(loads, "left", c.rows, c.by_terms[0], "first_row", rows)
    right = _Loader(loads, "right", c.columns, c.by_terms[1], "first_column", columns)
    lines += [*left.before(), *right.before()]
    lines += [f"var sum{i} = vec4<f32>();" for i in range(4)]
    lines += [
        f"for (var begin = first; begin < last; begin = begin + {DEPTH}u) {{",
        *left.fill(c.terms),
        *right.fill(c.terms),
        "workgroupBarrier();",
        f"for (var t = 0u; t < {DEPTH}u; t = t + 1u) {{",
        f"let at = t * {PITCH}u;",
        "let of_y = left_tile[at + y];",
        "let of_x = right_tile[at + x];",
        *[f"sum{i} = sum{i} + of_y.{c} * of_x;" for i, c in enumerate("xyzw")],
        "}",
        "workgroupBarrier();",
        "}",
    ]
    for i in range(4):
        lines += [
            "{",
            f"let row_of = first_row + y + {16 * i}u;",
            f"if (row_of < {rows}) {{",
            *_stores(c, row, out, f"sum{i}", columns, rows, scratch is not None),
            "}",
            "}",
        ]
    return row.kernel(lines, tiles * parts)


def _into(c: Contraction, scratch: View) -> Contraction:
    """With the parts of its results in scratch."""
    return replace(c, out=scratch)


class _Loader:
    """How the lanes bring 64 x 16 values of one side into workgroup memory: each four
    rows of one term. Where neighbouring terms lie beside each other, neighbouring lanes
    take these; else neighbouring rows.
    """

    def __init__(
        self,
        loads: Loads,
        side: str,
        sizes: tuple[int, ...],
        by_terms: bool,
        first: str,
        count: str,
    ) -> None:
        self.loads, self.side, self.sizes = loads, side, sizes
        self.by_terms, self.first, self.count = by_terms, first, count

    def before(self) -> list[str]:
        """The places of a lane's values, and their indices as rows."""
        s, row = self.side, self.loads.row
        low, high = "lane & 15u", "lane >> 4u"
        deep, place = (low, high) if self.by_terms else (high, low)
        lines = [f"let {s}_deep = {deep};", f"let {s}_place = {place};"]
        for i in range(4):
            lines += [
                f"let {s}_row{i} = {self.first} + {s}_place + {16 * i}u;",
                *unravel(row, self.sizes, f"{s}_row{i}", f"{s}_{i}_", f"{s} sizes"),
            ]
        return lines

    def fill(self, sizes: tuple[int, ...]) -> list[str]:
        s = self.side
        lines = [
            f"let {s}_term = begin + {s}_deep;",
            *unravel(self.loads.row, sizes, f"{s}_term", f"{s}_k", "terms"),
        ]
        for i in range(4):
            outer, inner = names(f"{s}_{i}_", self.sizes), names(f"{s}_k", sizes)
            lines += [
                f"var {s}{i} = 0.0f;",
                f"if (({s}_term < last) & ({s}_row{i} < {self.count})) {{",
                *self.loads.read(s, f"{s}{i}", outer, inner),
                "}",
            ]
        four = ", ".join(f"{s}{i}" for i in range(4))
        at = f"{s}_deep * {PITCH}u + {s}_place"
        return [*lines, f"{s}_tile[{at}] = vec4<f32>({four});"]


def _stores(
    c: Contraction,
    row: Row,
    out: Operand,
    sums: str,
    columns: str,
    rows: str,
    parted: bool,
) -> list[str]:
    """The statements that store a lane's four results of a row."""
    lines = unravel(row, c.rows, "row_of", "r", "left sizes") if not parted else []
    names_of = names("b", c.batch), names("r", c.rows), names("c", c.columns)
    for j in range(4):
        word = f"bitcast<u32>({sums}.{'xyzw'[j]})"
        lines += ["{", f"let column = first_column + x + {16 * j}u;"]
        if parted:
            of_part = f"part * {row.number(c.sizes[0], 'batches')} + batch"
            at = f"(({of_part}) * {rows} + row_of) * {columns} + column"
        else:
            lines += unravel(row, c.columns, "column", "c", "right sizes")
            at = offset(
                row,
                "out",
                [*names_of[0], *names_of[1], *names_of[2]],
                [*c.batches[2], *c.out_rows, *c.out_columns],
            )
        lines += [f"if (column < {columns}) {{ {out.store(at, word)} }}", "}"]
    return lines
