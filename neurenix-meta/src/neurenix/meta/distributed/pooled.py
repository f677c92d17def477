"""PooledCrew: a crew that loses nothing when it loses workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .crew import Crew, Job
from .membership import Membership
from .pool import Pool
from .rounds import Rounds


class PooledCrew(Crew):
    """The workers of a pool. Who is lost is replaced, its jobs are done by another;
    who comes joins before the next step.

    deadline   seconds that a worker may take for one job
    """

    def __init__(self, pool: Pool, members: Membership, deadline: float) -> None:
        self.pool = pool
        self.members = members
        self.rounds = Rounds(members, deadline)
        self._in_a_step = False

    @property
    def size(self) -> int:
        """How many there are for the next step: those that came are in. While a step
        is made nobody joins or leaves, but for those that are lost and replaced."""
        ready = self.members.ready if self._in_a_step else self.members.settled()
        return max(1, len(ready))

    def tell(self, name: str, value: object) -> None:
        self.members.tell(name, self.pool.ship(value))

    def forget(self, name: str) -> None:
        self.members.forget(name)

    def knows(self, name: str) -> bool:
        return name in self.members.told

    def put(self, value: object) -> Any:
        return self.pool.put(value)

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Any]]:
        self._in_a_step = True
        return self._arriving(self.rounds.results(jobs))

    def _arriving(
        self, arriving: Iterator[tuple[int, Any]]
    ) -> Iterator[tuple[int, Any]]:
        try:
            yield from arriving
        finally:
            self._in_a_step = False

    def hint(self, jobs: Sequence[Job]) -> None:
        ready = self.members.ready
        for job in jobs:
            if ready:
                self.pool.hint(ready[job.wanted % len(ready)], job)

    def close(self) -> None:
        """All workers go."""
        self.members.end()
