"""The passes between a captured program and a backend, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from ..primitives import ops
from ..primitives.fused import FUSED_ARGMAX
from ..program.ir import Instruction, Program
from ..program.memo import derived
from .decompose import decomposed
from .fuse import fuse
from .inline import inline_empty, inline_once
from .merge_maps import merge_maps
from .order import reductions_together
from .products import merged_products
from .prune import prune_regions
from .residuals import share_residuals
from .scans import staged
from .settle import settled
from .simplify import simplify
from .target import EVERYTHING, Target
from .windows import in_windows

_fusion = [os.environ.get("NEURENIX_FUSION", "1") != "0"]


@contextmanager
def fusion(enabled: bool) -> Iterator[None]:
    """Switches fusion of elementwise chains for the programs that are prepared within
    it; by default it is on unless NEURENIX_FUSION=0. For tests, and for finding faults.

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
    """Runs all passes: those that make a program quicker without changing what it
    computes, and those that the device needs to run it at all.

    Raises BackendError if it lacks a primitive that has no decomposition.
    """
    return _optimised(settled(program), target)


def _optimised(program: Program, target: Target) -> Program:
    program = _shared(program)
    lacking = EVERYTHING.primitives - target.primitives
    rewritten = decomposed(program, lacking, target.device, target.way)
    while rewritten is not program:
        # A map may have kept its body's calls for itself, and they what is lacking.
        program = simplify(inline_once(rewritten), lacking)
        rewritten = decomposed(program, lacking, target.device, target.way)
    fused = fusing() and ops.fused.name not in lacking
    program = _with_optimised_regions(program, target, fused)
    program = inline_empty(program)
    if not fused:
        return program
    program = reductions_together(in_windows(program, target.limits))
    return fuse(program, target.limits, argmax=FUSED_ARGMAX in target.features)


def _with_optimised_regions(program: Program, target: Target, fused: bool) -> Program:
    """Each region for the device, the body of a map for one task of it."""
    inner = target.within_a_task()
    if inner is target:
        return optimised_regions(
            program, lambda body: _optimised(body, target), (fused, target)
        )
    bodies = optimised_regions(
        program,
        lambda body: _optimised(body, inner),
        (fused, inner),
        only=lambda i: i.primitive is ops.map,
    )
    return optimised_regions(
        bodies,
        lambda body: _optimised(body, target),
        (fused, target),
        only=lambda i: i.primitive is not ops.map,
    )


def _shared(program: Program) -> Program:
    """Simplifies the program, and shares what its regions compute in common."""
    program = simplify(program)
    merged = prune_regions(share_residuals(merge_maps(program), _simplified_in_stages))
    return _in_stages(_simplified_if_new(inline_once(merged), program))


def _simplified_in_stages(program: Program) -> Program:
    return _in_stages(simplify(program))


def _in_stages(program: Program) -> Program:
    """Divides the scans of a simplified program into stages, and simplifies what left
    the loops. Calls stay: a pullback that rematerialises does so as a whole."""
    program = _simplified_if_new(staged(program, _shared), program)
    return _simplified_if_new(merged_products(program), program)


def _simplified_if_new(made: Program, before: Program) -> Program:
    """Simplifies a program that a pass has changed; one that it gave back is simple
    already."""
    return before if made is before else simplify(made)


def optimised_regions(
    program: Program,
    optimise: Callable[[Program], Program],
    key: Hashable,
    only: Callable[[Instruction], bool] = lambda i: True,
) -> Program:
    """The program with every region as `optimise` makes it, once for each and `key`;
    those of other instructions than `only` names stay."""
    out, changed = [], False
    for i in program.instructions:
        body = i.params.get("body")
        if body is not None and i.primitive.family == "control" and only(i):
            params = {**i.params, "body": derived(body, ("optimised", key), optimise)}
            i = Instruction(i.primitive, i.inputs, params, i.outputs, i.source)
            changed = True
        out.append(i)
    return Program(program.inputs, out, program.outputs) if changed else program


__all__ = ["EVERYTHING", "Target", "fusing", "fusion", "prepare"]
