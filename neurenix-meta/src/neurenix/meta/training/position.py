"""Where a run of training is, and what it changes: what a checkpoint has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neurenix import optim

from ..identity import descriptions
from ..method import Method


@dataclass
class Position:
    """How far a run is.

    epoch         epochs that are done
    step          meta-steps done in the epoch under way
    total         meta-steps done in all
    order         state of the generator that shuffles, when this epoch began
    next_task     of a sampler without end, when this epoch began
    tasks, sums   of this epoch so far: tasks seen, and each number summed over them
    """

    epoch: int = 0
    step: int = 0
    total: int = 0
    order: dict[str, Any] = field(default_factory=dict)
    next_task: int = 0
    tasks: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, tasks: int, numbers: Mapping[str, float]) -> None:
        """A meta-step on so many tasks is done, with these means over them."""
        self.tasks += tasks
        for name, value in numbers.items():
            self.sums[name] = self.sums.get(name, 0.0) + tasks * float(value)

    def means(self) -> dict[str, float]:
        """The epoch's numbers so far: means over its tasks."""
        return {name: total / self.tasks for name, total in self.sums.items()}


@dataclass(frozen=True)
class Trained:
    """What a run changes, and what it is of.

    settings  what the method was when the run was asked for
    tasks     which tasks, in which batches; a run goes on with the same ones only
    choices   chunk, steps a call and the like, which never change a result
    """

    method: Method
    optimizer: optim.Optimizer
    schedule: optim.Schedule | None
    settings: descriptions.Texts
    tasks: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)

    @property
    def owners(self) -> list[descriptions.Owner]:
        """All that a checkpoint has a state of."""
        # A schedule sets the optimizer's rate, so the optimizer comes after it.
        schedule = [] if self.schedule is None else [self.schedule]
        return [self.method, *schedule, self.optimizer]

    def before(self) -> list[tuple[descriptions.Owner, descriptions.Texts]]:
        """Its owners, and what each was before the run."""
        others = [(owner, descriptions.described(owner)) for owner in self.owners[1:]]
        return [(self.method, self.settings), *others]
