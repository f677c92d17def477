"""What a plan takes while it runs: a model of memory that depends on sizes alone.

Regions share their frame's scratch; the iterations of a map have scratch of their own,
and as many are under way as there are threads. It is meant to be no less than what an
engine takes, within a few parts in a hundred for programs of some size. What kernels
pack into blocks that fit a cache is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .instructions import Dot, Map
from .place import aligned
from .plan import Plan, Step
from .views import View

# Of each thread, for the values of a fused chain that are under way and parts of sums.
REGISTERS = 32 << 10


@dataclass(frozen=True)
class Footprint:
    """Bytes of a region.

    scratch   for the values of its own frame
    copies    for operands of one of its matrix products that are laid out anew
    inner     the regions that it runs, each with how
    """

    scratch: int
    copies: int
    inner: tuple[tuple[_Way, Footprint], ...]

    def bytes(self, threads: int) -> int:
        """Bytes of scratch on so many threads, without inputs and outputs."""
        turn, each = self._beside(threads)
        own = REGISTERS + (each if threads > 1 else 0)
        return aligned(self.scratch) + turn + own * threads

    def _beside(self, threads: int) -> tuple[int, int]:
        """The most that its steps take beside its own scratch: once, and for each
        thread."""
        found = [way.beside(region, threads) for way, region in self.inner]
        return (
            max((turn for turn, _ in found), default=0) + self.copies,
            max((each for _, each in found), default=0),
        )

    def in_turn(self, threads: int) -> int:
        """Of one iteration after the other."""
        return aligned(self.scratch) + self._beside(threads)[0]


@dataclass(frozen=True)
class _Once:
    """A call, or a scan: the region's scratch is part of the frame around it."""

    def beside(self, region: Footprint, threads: int) -> tuple[int, int]:
        return region._beside(threads)


@dataclass(frozen=True)
class _Map:
    """Independent iterations; `slot` holds what one of them adds to sums.

    Sums are of blocks of iterations whose number is a power of two: a block is added up
    by its thread, and the blocks' sums by all.
    """

    iterations: int
    chunk: int
    slot: int

    def beside(self, region: Footprint, threads: int) -> tuple[int, int]:
        levels = self.iterations.bit_length() + 1
        at_once = min(self.iterations, self.chunk or self.iterations)
        if threads == 1 or at_once < threads:  # on all threads, one after the other
            turn = region.in_turn(threads) + levels * self.slot
            return turn, region._beside(threads)[1] if threads > 1 else 0
        blocks = min(at_once, 4 * threads)
        each = region.in_turn(1) + levels * self.slot
        return (blocks + levels) * self.slot, max(each, region._beside(threads)[1])


_Way = _Once | _Map


def footprint(plan: Plan) -> Footprint:
    """That of the whole program.

    >>> import neurenix as nx
    >>> from neurenix.phynexus.plan.lowering import make_plan
    >>> from neurenix.passes.pipeline import prepare
    >>> each = nx.map(lambda x: nx.sort(x)[0].sum(), reduce="sum")
    >>> plan = make_plan(prepare(nx.capture(each, nx.ones(4, 1 << 16))))
    >>> footprint(plan).bytes(4) > 3 * footprint(plan).bytes(1)
    True
    """
    made: list[Footprint] = []
    for region in plan.regions:
        steps = [s for s in region.steps if s.region >= 0]
        inner = {(_way(s), s.region) for s in steps}
        regions = tuple((way, made[n]) for way, n in inner)
        copies = max(map(_operands, region.steps), default=0)
        made.append(Footprint(region.scratch, copies, regions))
    return made[-1]


def _operands(step: Step) -> int:
    if not isinstance(step.params, Dot):
        return 0
    return sum(_dense(view) for view in step.inputs)


def _dense(view: View) -> int:
    return aligned(view.dtype.itemsize * math.prod(view.shape))


def _way(step: Step) -> _Way:
    p = step.params
    if not isinstance(p, Map):
        return _Once()
    sizes = [
        _dense(view)
        for view, summed in zip(step.outputs, p.summed, strict=True)
        if summed and view is not None
    ]
    return _Map(p.iterations, p.chunk, sum(sizes))
