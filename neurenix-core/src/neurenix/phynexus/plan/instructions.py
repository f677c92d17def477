"""The parameters of each instruction as a record, and the one table of how they lie in
plan.params: the encoder and decoder of Python follow it, and the decoder of C++ is made
from it (`python -m neurenix.phynexus.decoder`). phynexus.h says what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, NamedTuple

from ..structs import ffi
from .views import Block

# The header's numbers and names, such as 97 and "copy".
OPCODES: dict[str, int] = {
    name.removeprefix("PHX_").lower(): number
    for number, name in sorted(ffi.typeof("phx_opcode").elements.items())
    if name != "PHX_OPCODE_COUNT"
}
NAMES = {number: name for name, number in OPCODES.items()}

# Where a buffer lies in the frame's scratch: a Block until the plan is placed.
Offset = Block | int


def _blocks(offsets: Iterable[Offset]) -> Iterator[Block]:
    return (x for x in offsets if isinstance(x, Block))


@dataclass(frozen=True)
class Record:
    """The parameters of one instruction.

    names    the opcodes that have these parameters
    layout   the order of the numbers. A field stands for its numbers, `#field` for how
             many items a list has. Without that, a list of `per_operand` has an item
             for each input or output.
    """

    names: ClassVar[str] = ""
    layout: ClassVar[str] = ""
    per_operand: ClassVar[dict[str, str]] = {}

    def blocks(self) -> Iterator[Block]:
        """The pieces of scratch that the instruction uses beside its operands."""
        return iter(())


class Op(NamedTuple):
    """An elementwise opcode on registers; those that it does not have are -1."""

    opcode: int
    dtype: int
    a: int
    b: int
    c: int
    immediate: int = 0

    @property
    def registers(self) -> list[int]:
        return [r for r in (self.a, self.b, self.c) if r >= 0]


class End(NamedTuple):
    """The source of an output: a register, stored (0) or reduced (by this opcode)."""

    value: int
    reduction: int


class Turns(NamedTuple):
    """A carry's two buffers in scratch, which the iterations write in turn."""

    even: Offset
    odd: Offset


@dataclass(frozen=True)
class Fused(Record):
    names = "fused"
    layout = "#ops #ends reduced #shape shape ops ends"
    reduced: int  # bit d: axis d
    shape: tuple[int, ...]
    ops: tuple[Op, ...]
    ends: tuple[End, ...]

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that the instruction reduces."""
        return tuple(d for d in range(len(self.shape)) if self.reduced >> d & 1)


@dataclass(frozen=True)
class Argmax(Record):
    names = "argmax"
    layout = "reduced"
    reduced: int  # how many trailing axes


@dataclass(frozen=True)
class Cumsum(Record):
    names = "cumsum"
    layout = "axis reverse"
    axis: int
    reverse: bool


@dataclass(frozen=True)
class Dot(Record):
    names = "dot_general"
    layout = "batch m n k"
    batch: int  # numbers of axes, all four
    m: int
    n: int
    k: int


@dataclass(frozen=True)
class Convolution(Record):
    names = "conv_general conv_input_gradient conv_weight_gradient"
    layout = "batch stride padding dilation"
    batch: int  # number of axes
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    dilation: tuple[int, int]


@dataclass(frozen=True)
class Copy(Record):
    names = "copy"


@dataclass(frozen=True)
class Index(Record):
    names = "gather scatter scatter_add"
    layout = "axis batch"
    axis: int
    batch: int  # number of axes


@dataclass(frozen=True)
class Sort(Record):
    names = "sort"
    layout = "axis"
    axis: int


@dataclass(frozen=True)
class Factor(Record):
    names = "cholesky lu"


@dataclass(frozen=True)
class TriangularSolve(Record):
    names = "triangular_solve"
    layout = "lower transpose unit_diagonal"
    lower: bool
    transpose: bool
    unit_diagonal: bool


@dataclass(frozen=True)
class Iota(Record):
    names = "iota"
    layout = "axis"
    axis: int


@dataclass(frozen=True)
class RandomBits(Record):
    names = "random_bits"


@dataclass(frozen=True)
class Call(Record):
    names = "call"
    layout = "scratch"
    scratch: Offset

    def blocks(self) -> Iterator[Block]:
        return _blocks((self.scratch,))


@dataclass(frozen=True)
class Scan(Record):
    names = "scan"
    layout = "scratch length consts #carries xs ys reverse carries"
    scratch: Offset
    length: int
    consts: int  # numbers of operands, as xs and ys are
    xs: int
    ys: int
    reverse: bool
    carries: tuple[Turns, ...]

    def blocks(self) -> Iterator[Block]:
        return _blocks((self.scratch, *chain.from_iterable(self.carries)))


@dataclass(frozen=True)
class Map(Record):
    names = "map"
    layout = "iterations chunk mapped summed"
    per_operand: ClassVar[dict[str, str]] = {"mapped": "inputs", "summed": "outputs"}
    iterations: int
    chunk: int
    mapped: tuple[bool, ...]
    summed: tuple[bool, ...]


RECORDS: tuple[type[Record], ...] = (
    Fused,
    Argmax,
    Cumsum,
    Dot,
    Convolution,
    Copy,
    Index,
    Sort,
    Factor,
    TriangularSolve,
    Iota,
    RandomBits,
    Call,
    Scan,
    Map,
)

RECORD_OF: dict[int, type[Record]] = {
    OPCODES[name]: record for record in RECORDS for name in record.names.split()
}
