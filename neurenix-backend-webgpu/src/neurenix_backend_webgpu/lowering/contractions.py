"""What products and convolutions have in common: a sum over terms, for each batch, row
and column, of a left value and a right one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurenix.dtypes import Dtype
from neurenix.phynexus.plan.views import View

from .kernel import Row
from .scalar import kind
from .storage import Operand

Names = Sequence[str]  # of indices in the text


@dataclass(frozen=True)
class Read:
    """Where a value lies: an offset, and a condition without which it is 0; lines that
    both need come first."""

    offset: str
    condition: str | None = None
    lines: tuple[str, ...] = ()


# Where a value lies, by the indices on the axes of its rows or columns, and its terms.
Reader = Callable[[Row, Names, Names], Read]


@dataclass(frozen=True)
class Contraction:
    """Sizes along the axes of each of the four groups, and the three operands.

    left, right     views, and where their elements lie within a batch
    batches         strides of left, right and out along the batch axes
    out_rows        strides of out along the axes of rows, and
    out_columns     of columns
    by_terms        whether neighbouring terms lie beside each other, left and right;
                    else neighbouring rows, or columns, do
    """

    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    terms: tuple[int, ...]
    left: View
    right: View
    out: View
    read_left: Reader
    read_right: Reader
    batches: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    out_rows: tuple[int, ...]
    out_columns: tuple[int, ...]
    by_terms: tuple[bool, bool]

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """The numbers of batches, rows, columns and terms."""
        groups = (self.batch, self.rows, self.columns, self.terms)
        b, m, n, k = (math.prod(sizes) for sizes in groups)
        return b, m, n, k

    @property
    def dtype(self) -> Dtype:
        return self.out.dtype

    @property
    def is_float(self) -> bool:
        return kind(self.dtype) == "f"


@dataclass(frozen=True)
class Loads:
    """The operands of a contraction in a row, and how each is read."""

    row: Row
    left: Operand
    right: Operand
    contraction: Contraction

    def read(self, side: str, into: str, outer: Names, terms: Names) -> list[str]:
        """Lines that put a value into the variable `into`, which is 0 before."""
        c = self.contraction
        is_left = side == "left"
        read = (c.read_left if is_left else c.read_right)(self.row, outer, terms)
        operand = self.left if is_left else self.right
        offset = " + ".join(t for t in (f"{side}_start", read.offset) if t != "0u")
        word = operand.load(offset)
        value = f"bitcast<f32>({word})" if c.is_float else word
        lines = list(read.lines)
        if read.condition is None:
            return [*lines, f"{into} = {value};"]
        return [*lines, f"if ({read.condition}) {{ {into} = {value}; }}"]


def begin(c: Contraction, row: Row) -> tuple[Loads, Operand]:
    out = Operand(row, c.out, write=True)
    return Loads(row, Operand(row, c.left), Operand(row, c.right), c), out


def offset(row: Row, label: str, names: Names, strides: Sequence[int]) -> str:
    """The sum of indices times strides, which stand in the row under a label; 0u for
    none."""
    terms = [
        f"{name} * {row.number(s, f'{label} {axis}')}"
        for axis, (name, s) in enumerate(zip(names, strides, strict=True))
        if s
    ]
    return " + ".join(terms) or "0u"
