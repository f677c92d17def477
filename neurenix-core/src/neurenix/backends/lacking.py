"""Finds what dtype of a program a device lacks."""

from __future__ import annotations

from ..dtypes import Dtype
from ..program import Program


def lacking(program: Program, dtypes: frozenset[Dtype]) -> Dtype | None:
    """The first dtype that a program, or a region of it, uses and `dtypes` has not."""
    for part in (program, *program.regions()):
        symbols = [*part.inputs, *(o for i in part.instructions for o in i.outputs)]
        for symbol in symbols:
            if symbol.type.dtype not in dtypes:
                return symbol.type.dtype
    return None
