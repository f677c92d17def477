"""The ways to compute a contraction, and which is taken.

in order   an invocation for each result adds its terms
by lanes   a workgroup for each result, whose lanes share its terms
by blocks  the same two, for 4 x 4 results each (`blocks`)
by tiles   a workgroup for 64 x 64 results, which brings 16 terms at a time into its
           memory (`tiles`); of many terms several workgroups take a part each

What is taken depends on sizes alone, so that the same program gives the same bits.
"""

from __future__ import annotations

from . import blocks
from .accumulators import Accumulator
from .blocks import SIDE
from .contractions import Contraction, begin, offset
from .indices import names, unravel
from .kernel import LANES, Kernel, Row, one_each
from .reductions import across_lanes
from .tiles import TILE, by_tiles

MANY_TERMS = 512  # for lanes to share them
FEW_RESULTS = 4096  # for each to get a workgroup
MANY_RESULTS = 1 << 14  # so that there are enough invocations for blocks of them
LEAST_WORK = 1 << 17  # multiply-adds for which tiles are worth it


def contracted(c: Contraction) -> list[Kernel]:
    batch, m, n, k = c.sizes
    results = batch * m * n
    if not results:
        return []
    if c.is_float and _fills_tiles(m, n) and k >= 16 and results * k >= LEAST_WORK:
        return by_tiles(c)
    blocked = c.is_float and min(m, n) >= SIDE
    if blocked and k >= MANY_TERMS and 16 * FEW_RESULTS >= results >= FEW_RESULTS // 8:
        return [blocks.by_lanes(c)]
    if blocked and results >= MANY_RESULTS:
        return [blocks.in_order(c)]
    if k >= MANY_TERMS and results <= FEW_RESULTS:
        return [_by_lanes(c)]
    return [_in_order(c)]


def _fills_tiles(m: int, n: int) -> bool:
    """Whether at least a quarter of the results of its tiles are needed."""
    return 4 * m * n >= (-(-m // TILE) * TILE) * (-(-n // TILE) * TILE)


def _in_order(c: Contraction) -> Kernel:
    row = Row()
    loads, out = begin(c, row)
    axes = [
        *zip(c.batches[2], c.batch, names("b", c.batch), strict=True),
        *zip(c.out_rows, c.rows, names("r", c.rows), strict=True),
        *zip(c.out_columns, c.columns, names("c", c.columns), strict=True),
    ]
    axes.sort(key=lambda axis: -abs(axis[0]))
    lines = unravel(row, [n for _, n, _ in axes], "e", "i")
    lines += [f"let {name} = i{k};" for k, (_, _, name) in enumerate(axes)]
    lines += _starts(c, row)
    zero = "0.0f" if c.is_float else "0u"
    lines.append(f"var total = {zero};")
    terms = names("k", c.terms)
    for name, size in zip(terms, c.terms, strict=True):
        until = f"{name} < {row.number(size)}"
        lines.append(f"for (var {name} = 0u; {until}; {name} = {name} + 1u) {{")
    lines += [f"var left = {zero};", f"var right = {zero};"]
    lines += ["{", *loads.read("left", "left", names("r", c.rows), terms), "}"]
    lines += ["{", *loads.read("right", "right", names("c", c.columns), terms), "}"]
    lines += ["total = total + left * right;", *("}" for _ in terms)]
    total = "bitcast<u32>(total)" if c.is_float else "total"
    lines.append(out.store(_of_out(c, row), total))
    return one_each(row, c.sizes[0] * c.sizes[1] * c.sizes[2], lines)


def _by_lanes(c: Contraction) -> Kernel:
    row = Row()
    loads, out = begin(c, row)
    batch, m, n, k = c.sizes
    zero = "0.0f" if c.is_float else "0u"
    sum_ = Accumulator("total", "sum", c.dtype)
    count, columns, rows = (row.number(x) for x in (batch * m * n, n, m))
    lines = [
        f"if (group >= {count}) {{ return; }}",
        f"let column = group % {columns};",
        f"let row_of = (group / {columns}) % {rows};",
        f"let batch = group / {columns} / {rows};",
        *unravel(row, c.columns, "column", "c", "columns"),
        *unravel(row, c.rows, "row_of", "r", "rows"),
        *unravel(row, c.batch, "batch", "b", "batch"),
        *_starts(c, row),
        f"var sum = {zero};",
        f"for (var t = lane; t < {row.number(k)}; t = t + {LANES}u) {{",
        *unravel(row, c.terms, "t", "k", "terms"),
        f"var left = {zero};",
        f"var right = {zero};",
        "{",
        *loads.read("left", "left", names("r", c.rows), names("k", c.terms)),
        "}",
        "{",
        *loads.read("right", "right", names("c", c.columns), names("k", c.terms)),
        "}",
        "sum = sum + left * right;",
        "}",
        f"var total = {'bitcast<u32>(sum)' if c.is_float else 'sum'};",
        *across_lanes(sum_),
        f"if (lane == 0u) {{ {out.store(_of_out(c, row), sum_.result)} }}",
    ]
    return row.kernel(lines, batch * m * n)


def _starts(c: Contraction, row: Row) -> list[str]:
    """Where the batch begins, left and right."""
    b = names("b", c.batch)
    return [
        f"let left_start = {offset(row, 'left batch', b, c.batches[0])};",
        f"let right_start = {offset(row, 'right batch', b, c.batches[1])};",
    ]


def _of_out(c: Contraction, row: Row) -> str:
    b, r, k = (
        names(x, s) for x, s in (("b", c.batch), ("r", c.rows), ("c", c.columns))
    )
    strides = [*c.batches[2], *c.out_rows, *c.out_columns]
    return offset(row, "out", [*b, *r, *k], strides)
