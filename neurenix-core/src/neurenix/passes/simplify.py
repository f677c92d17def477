"""Simplification: equal computations become one, and unused ones go.

Common subexpressions, constants, identities, dead code. Nothing is merged across a
`barrier`, whose result is like nothing else.
"""

from __future__ import annotations

from ..program.ir import Program
from . import identities  # registered, they are what the rewriter takes
from .prune import without_dead_code
from .rewriter import Rewriter


def simplify(program: Program, lacking: frozenset[str] = frozenset()) -> Program:
    """The simplified program, its regions unchanged; no identity brings in a primitive
    that is `lacking`."""
    rewriter = Rewriter(lacking)
    for i in program.instructions:
        rewriter.add(i)
    outputs = [rewriter.read(s) for s in program.outputs]
    return without_dead_code(program.made_of(rewriter.instructions, outputs))


__all__ = ["Rewriter", "identities", "simplify"]
