"""Contractions by blocks of 4 x 4 results in the registers of an invocation: of the
eight values that it reads for a term it makes sixteen products."""

from __future__ import annotations

from collections.abc import Sequence

from .contractions import Contraction, Loads, begin, offset
from .indices import names, unravel
from .kernel import LANES, Kernel, Row, one_each

SIDE = 4


def in_order(c: Contraction) -> Kernel:
    """An invocation for each block."""
    w = _Block(c)
    terms = names("k", c.terms)
    loops = []
    for axis, (name, size) in enumerate(zip(terms, c.terms, strict=True)):
        until = f"{name} < {w.row.number(size, f'terms {axis}')}"
        loops.append(f"for (var {name} = 0u; {until}; {name} = {name} + 1u) {{")
    lines = [*w.begin("e"), *loops, *w.products(terms), *("}" for _ in terms)]
    return one_each(w.row, w.blocks, [*lines, *w.stores()])


def by_lanes(c: Contraction) -> Kernel:
    """A workgroup for each block; a fixed tree adds the sums of its lanes."""
    w = _Block(c)
    row = w.row
    lines = [
        f"if (group >= {row.number(w.blocks)}) {{ return; }}",
        *w.begin("group"),
        f"for (var t = lane; t < {row.number(c.sizes[3])}; t = t + {LANES}u) {{",
        *unravel(row, c.terms, "t", "k", "terms"),
        *w.products(names("k", c.terms)),
        "}",
    ]
    lines += [f"sum{i} = sums_of_lanes(lane, sum{i});" for i in range(SIDE)]
    return row.kernel([*lines, "if (lane == 0u) {", *w.stores(), "}"], w.blocks)


class _Block:
    def __init__(self, c: Contraction) -> None:
        self.c = c
        self.row = Row()
        self.loads, self.out = begin(c, self.row)
        batch, m, n, _ = c.sizes
        self.down, self.across = -(-m // SIDE), -(-n // SIDE)
        self.blocks = batch * self.down * self.across
        self.ends = self.row.number(m), self.row.number(n)

    def begin(self, block: str) -> list[str]:
        """Where the block lies, and the indices of its rows and columns. Beyond the
        last row, or column, that one is read once more."""
        c, row = self.c, self.row
        across, down = row.number(self.across), row.number(self.down)
        b = names("b", c.batch)
        lines = [
            f"let first_column = ({block} % {across}) * {SIDE}u;",
            f"let first_row = (({block} / {across}) % {down}) * {SIDE}u;",
            f"let batch = {block} / {across} / {down};",
            *unravel(row, c.batch, "batch", "b", "batch"),
            f"let left_start = {offset(row, 'left batch', b, c.batches[0])};",
            f"let right_start = {offset(row, 'right batch', b, c.batches[1])};",
        ]
        for side, sizes, first, end in (
            ("left", c.rows, "first_row", self.ends[0]),
            ("right", c.columns, "first_column", self.ends[1]),
        ):
            for i in range(SIDE):
                at = f"{side}_at{i}"
                lines.append(f"let {at} = min({first} + {i}u, {end} - 1u);")
                lines += unravel(row, sizes, at, f"{side}_{i}_", f"{side} sizes")
        return [*lines, *[f"var sum{i} = vec4<f32>();" for i in range(SIDE)]]

    def products(self, terms: Sequence[str]) -> list[str]:
        """One term of all results."""
        lines = [
            *_values(self.loads, "left", self.c.rows, terms),
            *_values(self.loads, "right", self.c.columns, terms),
            "let of_columns = vec4<f32>(right0, right1, right2, right3);",
        ]
        return [*lines, *[f"sum{i} = sum{i} + left{i} * of_columns;" for i in range(4)]]

    def stores(self) -> list[str]:
        lines: list[str] = []
        for i in range(SIDE):
            for j in range(SIDE):
                inside = (
                    f"(first_row + {i}u < {self.ends[0]}) & "
                    f"(first_column + {j}u < {self.ends[1]})"
                )
                stored = self._store(i, j)
                lines.append(f"if ({inside}) {{ {stored} }}")
        return lines

    def _store(self, i: int, j: int) -> str:
        c = self.c
        indices = [
            *names("b", c.batch),
            *names(f"left_{i}_", c.rows),
            *names(f"right_{j}_", c.columns),
        ]
        strides = [*c.batches[2], *c.out_rows, *c.out_columns]
        at = offset(self.row, "out", indices, strides)
        return self.out.store(at, f"bitcast<u32>(sum{i}.{'xyzw'[j]})")


def _values(
    loads: Loads, side: str, sizes: Sequence[int], terms: Sequence[str]
) -> list[str]:
    """Lines that read a side's four values of a term."""
    lines: list[str] = []
    for i in range(SIDE):
        outer = names(f"{side}_{i}_", sizes)
        read = loads.read(side, f"{side}{i}", outer, terms)
        lines += [f"var {side}{i} = 0.0f;", "{", *read, "}"]
    return lines
