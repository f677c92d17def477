"""The least and the most scratch that a plan may take, by what the plan says alone.

What it does take, its engine says (phx_api.memory_bytes). Before that, a plan that
cannot fit is refused; and of an engine before ABI 1.5 nobody knows how many iterations
of a map it runs at once.
"""

from __future__ import annotations

import math

from .instructions import Map
from .place import aligned
from .plan import Plan, Region, Step


def least_scratch(plan: Plan) -> int:
    """Bytes of scratch, with one iteration of each map after the other."""
    return _scratch(plan, 1)


def most_scratch(plan: Plan) -> int:
    """Bytes of scratch, with as many iterations of each map under way as it allows.

    Calls and scans run in their frame's scratch. Each iteration of a map has its own,
    and a term of each sum.

    >>> import neurenix as nx
    >>> from neurenix.phynexus.plan.lowering import make_plan
    >>> from neurenix.passes.pipeline import prepare
    >>> def of_each(x, chunk):
    ...     f = nx.map(lambda row: nx.sort(row)[0].sum(), chunk=chunk)
    ...     return most_scratch(make_plan(prepare(nx.capture(lambda x: f(x), x))))
    >>> x = nx.ones(8, 1 << 16)
    >>> one, two, all_eight = (of_each(x, chunk) for chunk in (1, 2, 0))
    >>> two - one > 4 * x.shape[1], (all_eight - one) // (two - one)
    (True, 7)
    """
    return _scratch(plan, None)


def _scratch(plan: Plan, at_once: int | None) -> int:
    """With so many iterations of each map at once; None: as many as it allows."""
    beside: list[int] = []  # of each region: what its steps take beside its own scratch
    for region in plan.regions:
        inner = [
            _of_map(
                step,
                step.params,
                at_once,
                plan.regions[step.region],
                beside[step.region],
            )
            if isinstance(step.params, Map)
            else beside[step.region]
            for step in region.steps
            if step.region >= 0
        ]
        beside.append(max(inner, default=0))
    return aligned(plan.regions[-1].scratch) + beside[-1]


def _of_map(
    step: Step, params: Map, at_once: int | None, region: Region, beside: int
) -> int:
    together = min(params.iterations, at_once or params.chunk or params.iterations)
    term = sum(
        aligned(view.dtype.itemsize * math.prod(view.shape))
        for view, sums in zip(step.outputs, params.summed, strict=True)
        if sums and view is not None
    )
    levels = params.iterations.bit_length()  # of sums that wait for their neighbours
    return together * (aligned(region.scratch) + beside + term) + levels * term
