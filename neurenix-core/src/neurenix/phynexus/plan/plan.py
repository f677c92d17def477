"""The plan: what a native engine runs, as plain data. See `lowering`, which makes
it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...program.ir import Program
from .instructions import Record
from .views import Shape, View


@dataclass
class Step:
    """One engine instruction."""

    opcode: int
    inputs: list[View]
    outputs: list[View | None]
    params: Record
    region: int = -1
    source: str | None = None


@dataclass
class Region:
    steps: list[Step]
    inputs: int
    output_strides: list[Shape]
    scratch: int = 0
    index: int = -1


@dataclass
class Plan:
    """Regions, each after those that it uses; the last is the whole program."""

    program: Program
    regions: list[Region] = field(default_factory=list)
