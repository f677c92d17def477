"""What a compiled program does and needs, read from it and from its plan."""

from __future__ import annotations

import math
from typing import NamedTuple

from neurenix.phynexus.plan.instructions import Map
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.phynexus.plan.place import aligned
from neurenix.phynexus.plan.plan import Region, Step
from neurenix.phynexus.plan.views import Block
from neurenix.program import Program


def operations(program: Program) -> float:
    """Multiply-adds (times 2) of the products and convolutions of one run. Products
    over one term are element-wise work, and left out like all of that."""
    total = 0.0
    for i in program.instructions:
        body = i.params.get("body")
        types = [s.type for s in i.inputs]
        kind = i.primitive.name
        if body is not None:
            times = i.params.get("iterations") or i.params.get("length") or 1
            total += times * operations(body)
        elif kind == "dot_general":
            terms = math.prod(types[0].shape[a] for a in i.params["lhs_contract"])
            total += 2.0 * math.prod(i.outputs[0].type.shape) * terms * (terms > 1)
        elif kind.startswith("conv_"):
            result = i.outputs[0].type.shape
            # (value at every place of the window's output, kernel [o, c, kh, kw])
            over, kernel = {
                "conv_general": (result, types[1].shape),
                "conv_input_gradient": (types[0].shape, types[1].shape),
                "conv_weight_gradient": (types[1].shape, result),
            }[kind]
            total += 2.0 * math.prod(over) * math.prod(kernel[-3:])
    return total


class Scratch(NamedTuple):
    """Bytes. taken: by the plan; bound: the most that is alive at once, in the order of
    its instructions, which no placing can go below."""

    taken: int
    bound: int


def scratch(program: Program, state: int, threads: int) -> Scratch:
    """Of a whole run. A map's body has a frame on each thread."""
    plan = make_plan(program, state)
    found: dict[int, Scratch] = {}
    for region in plan.regions:  # each after those that it uses
        found[region.index] = _of_region(region, found, threads)
    return found[plan.regions[-1].index]


def _of_region(region: Region, found: dict[int, Scratch], threads: int) -> Scratch:
    alive = [0] * (len(region.steps) + 1)
    frames = [Scratch(0, 0)] * len(region.steps)
    seen: set[Block] = set()
    for number, step in enumerate(region.steps):
        views = [v.root for v in (*step.inputs, *step.outputs) if v is not None]
        blocks = list(step.params.blocks())
        inner = blocks[0] if step.region >= 0 and blocks else None
        if step.region >= 0 and inner is None:  # a map: no place in this frame
            each = found[step.region]
            sums = _pending(step, threads)
            frames[number] = Scratch(
                each.taken * threads + sums, each.bound * threads + sums
            )
        for root in (*views, *blocks):
            if not isinstance(root, Block) or root in seen or root.home is not None:
                continue
            seen.add(root)
            nbytes = found[step.region].bound if root is inner else root.nbytes
            alive[root.first] += aligned(nbytes)
            alive[root.last + 1] -= aligned(nbytes)
    totals = [sum(alive[: n + 1]) + f.bound for n, f in enumerate(frames)]
    taken = region.scratch + max((f.taken for f in frames), default=0)
    return Scratch(taken, max(totals, default=0))


def _pending(step: Step, threads: int) -> int:
    """Bytes of the partial sums that wait for each other in a map: additions go by a
    fixed tree over the index, in which the terms before index i are as many sums as i
    has ones; and the term of the moment. Each thread has a part of the tasks."""
    p = step.params
    assert isinstance(p, Map)
    iterations = p.iterations
    sizes = [
        aligned(math.prod(view.shape) * view.dtype.itemsize)
        for view, summed in zip(step.outputs, p.summed)
        if view is not None and summed
    ]
    share = -(-iterations // threads)
    most = max((i.bit_count() for i in range(share)), default=0) + 1
    return most * sum(sizes) * min(threads, max(iterations, 1))
