"""The passes between a captured program and a backend, in their order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ..primitives import ops
from ..primitives.fused import FUSED_ARGMAX
from ..program.ir import Program
from .decompose import decomposed
from .fuse import fuse
from .order import reductions_together
from .products import merged_products
from .regions import (
    inline_empty,
    inline_once,
    merge_maps,
    optimised_regions,
    prune_regions,
    share_residuals,
)
from .scans import staged
from .simplify import simplify, without_dead_code
from .target import EVERYTHING, Target
from .windows import in_windows

_fusion = [os.environ.get("NEURENIX_FUSION", "1") != "0"]


@contextmanager
def fusion(enabled: bool) -> Iterator[None]:
    """Whether the programs that are made within fuse elementwise chains, as they do
    unless NEURENIX_FUSION=0 says otherwise: for tests, and for finding faults.

    >>> import neurenix as nx
    >>> with fusion(False):
    ...     nx.compile(lambda x: nx.exp(x) * 2)(nx.zeros(2)).tolist()
    [2.0, 2.0]
    """
    before, _fusion[0] = _fusion[0], enabled
    try:
        yield
    finally:
        _fusion[0] = before


def fusing() -> bool:
    """Whether programs made now are fused."""
    return _fusion[0]


def prepare(program: Program, target: Target = EVERYTHING) -> Program:
    """Everything that makes a program quicker without changing what it computes; and
    what the device needs to run it at all.

    Raises BackendError if it lacks a primitive that has no decomposition.
    """
    program = _shared(program)
    lacking = EVERYTHING.primitives - target.primitives
    whole = decomposed(program, lacking, target.device, target.expands)
    if whole is not program:
        program = simplify(whole, lacking)
    fused = fusing() and ops.fused.name not in lacking
    program = optimised_regions(
        program, lambda body: prepare(body, target), (fused, target)
    )
    program = inline_empty(program)
    if not fused:
        return program
    program = reductions_together(in_windows(program, target.limits))
    return fuse(program, target.limits, argmax=FUSED_ARGMAX in target.features)


def _shared(program: Program) -> Program:
    """Simplified, with what its regions compute together computed once."""
    program = merge_maps(simplify(program))
    program = prune_regions(share_residuals(program, _in_stages))
    return _in_stages(simplify(inline_once(program)))


def _in_stages(program: Program) -> Program:
    """Its scans in stages, and what lies outside of loops now simplified. Calls stay: a
    pullback that computes again does so as a whole."""
    return simplify(merged_products(simplify(staged(program, _shared))))


__all__ = ["EVERYTHING", "Target", "fusing", "fusion", "prepare", "without_dead_code"]
