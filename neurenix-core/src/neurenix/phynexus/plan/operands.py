"""Lays operands of matrix products out once for many products.

A product reads its right operand row by row of the contracted axes. A weight [out, in]
lies the other way round, and each product would lay it out anew. Where a weight meets
many products of few rows each (the steps of a loop, or of one that was unrolled), it is
done once for all.
"""

from __future__ import annotations

import math

from ...primitives import ops
from ...primitives.contraction import free_axes
from ...program.ir import Instruction, Program, Symbol
from .frame import Frame
from .views import View

Axes = tuple[int, ...]
Use = tuple[Symbol, Axes, Axes]  # as a right operand: contracted axes, batch axes


def rows_for_products(frame: Frame, i: Instruction, view: View) -> View:
    """The right operand of a product: as it is, or laid out for all that read it so."""
    rows = frame.limits.product_rows
    if frame.uses is None:
        frame.uses = _uses(frame.program, rows)
    use = _use(i, rows)
    if use is None or frame.uses[use] < 2:
        return view
    return _laid_out(frame, view, *use[1:])


def rows_for_loop(frame: Frame, body: Program, s: Symbol, view: View) -> View:
    """The same for a constant of a scan, which its body reads as `s`."""
    rows = frame.limits.product_rows
    layouts = {use[1:] for use in _uses(body, rows) if use[0] is s}
    read = sum(s in i.inputs for i in body.instructions)
    return _laid_out(frame, view, *layouts.pop()) if len(layouts) == read == 1 else view


def _uses(program: Program, most_rows: int) -> dict[Use, int]:
    counts: dict[Use, int] = {}
    for i in program.instructions:
        use = _use(i, most_rows)
        if use is not None:
            counts[use] = counts.get(use, 0) + 1
    return counts


def _use(i: Instruction, most_rows: int) -> Use | None:
    if i.primitive is not ops.dot_general:
        return None
    p, (lhs, rhs) = i.params, i.inputs
    rows = free_axes(len(lhs.type.shape), p["lhs_contract"], p["lhs_batch"])
    if math.prod(lhs.type.shape[a] for a in rows) > most_rows:
        return None
    return rhs, p["rhs_contract"], p["rhs_batch"]


def _laid_out(frame: Frame, view: View, contract: Axes, batch: Axes) -> View:
    free = free_axes(len(view.shape), contract, batch)
    if not _adjacent(view, contract) or _adjacent(view, free):
        return view
    if view not in frame.laid_out:
        order = (*batch, *contract, *free)
        out = frame.fresh_like(view, order)
        frame.copy(view, out)
        frame.laid_out[view] = out
    return frame.laid_out[view]


def _adjacent(view: View, axes: Axes) -> bool:
    return any(view.strides[a] == 1 and view.shape[a] > 1 for a in axes)
