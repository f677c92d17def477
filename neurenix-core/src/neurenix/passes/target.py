"""The target of the passes: a device, as far as they ask about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..primitives import ops
from ..primitives.fused import FUSED_ARGMAX
from ..program.ir import Instruction
from .decompose import ALL, Expands, always, never
from .limits import USUAL, Limits
from .tasks import TaskCosts, Way, way_of


@dataclass(frozen=True)
class Target:
    """The parts of a device's `Capabilities` that shape a program, and what its backend
    says of single instructions. Equal targets share prepared regions.

    expands   whether a map is given to it expanded, by the batch rules; one that lacks
              map gets every map so
    tasks     its numbers, where `passes.tasks` decides how a map runs
    device    its name, for messages
    """

    primitives: frozenset[str] = ALL
    features: frozenset[str] = frozenset({FUSED_ARGMAX})
    limits: Limits = USUAL
    expands: Expands = never
    tasks: TaskCosts | None = None
    device: str = field(default="", compare=False)

    def way(self, i: Instruction) -> Way:
        """How a map runs on it."""
        way = Way(True, i.params["chunk"])
        if self.tasks is not None:
            way = way_of(i, self.tasks, self.limits)
        goes = ops.map.name not in self.primitives or self.expands(i)
        return Way(False, way.chunk) if goes else way

    def within_a_task(self) -> Target:
        """For the body of a map that it runs as tasks: a map in there comes expanded,
        and one group of lanes runs it."""
        if self.tasks is None:
            return self
        return replace(self, expands=always, tasks=None)


EVERYTHING = Target()
