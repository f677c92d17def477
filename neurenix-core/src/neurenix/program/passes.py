"""The passes between a captured program and a backend, in their order."""

from __future__ import annotations

from .fuse import fuse
from .ir import Program
from .regions import (
    inline_once,
    merge_maps,
    optimised_regions,
    prune_regions,
    share_residuals,
)
from .simplify import simplify, without_dead_code


def prepare(program: Program, fusion: bool = True) -> Program:
    """Everything that makes a program quicker without changing what it computes."""
    program = _shared(program)
    program = optimised_regions(program, lambda body: prepare(body, fusion))
    return fuse(program) if fusion else program


def _shared(program: Program) -> Program:
    """Simplified, with what its regions compute together computed once."""
    program = merge_maps(simplify(program))
    program = prune_regions(share_residuals(program))
    return simplify(inline_once(program))


__all__ = ["prepare", "without_dead_code"]
