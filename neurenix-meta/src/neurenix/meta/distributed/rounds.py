"""Rounds: the shares of one step, done by whoever is there, again where one is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from neurenix.errors import OutOfMemoryError, WorkerError

from .crew import Job
from .membership import Membership
from .pool import Lost, Ticket, Worker

# As often may workers be lost over one share before it, not they, is to blame.
ATTEMPTS = 4
# Those that run out of memory over it will do so again.
ATTEMPTS_FOR_MEMORY = 2
# Seconds between two looks at the cluster and at who has come.
_LOOK = 1.0


@dataclass
class _Share:
    """A job, its number, and how it was lost."""

    number: int
    job: Job
    lost: list[tuple[Worker, Lost]] = field(default_factory=list)

    def avoids(self, worker: Worker) -> bool:
        """Whether it was lost on this worker's node, which may be gone as a whole."""
        return any(worker.node == other.node for other, _ in self.lost)


@dataclass(frozen=True)
class _Held:
    """A share that a worker has, and until when it may have it."""

    share: _Share
    worker: Worker
    until: float


class Rounds:
    """Does the jobs of a step.

    members    who does them
    deadline   seconds that a worker may take for one job
    """

    def __init__(self, members: Membership, deadline: float) -> None:
        self.members = members
        self.pool = members.pool
        self.deadline = deadline

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Any]]:
        """Hands out jobs, at once; each one's number and result, as they come. A result
        is a function of the job alone, so that it does not matter who does it, nor how
        often it was begun.

        Raises what a job raised; OutOfMemoryError and WorkerError for a share over
        which workers are lost again and again, and WorkerError where nobody is left,
        and nobody comes in time. HeadLostError where the cluster is gone.
        """
        waiting = deque(_Share(number, job) for number, job in enumerate(jobs))
        held: dict[Ticket, _Held] = {}
        self._hand_out(waiting, held)
        return self._arriving(waiting, held)

    def _arriving(
        self, waiting: deque[_Share], held: dict[Ticket, _Held]
    ) -> Iterator[tuple[int, Any]]:
        try:
            while waiting or held:
                self._hand_out(waiting, held)
                if held:
                    yield from self._answered(waiting, held)
                    self._give_up_overdue(held, waiting)
                    self.members.replace()
                else:
                    self.members.wait_for(1, self.members.patience)
        finally:  # where a job has failed
            self.members.drop({ticket: one.worker for ticket, one in held.items()})

    def _answered(
        self, waiting: deque[_Share], held: dict[Ticket, _Held]
    ) -> Iterator[tuple[int, Any]]:
        """Waits for the first answer, or for a while."""
        left = min(one.until for one in held.values()) - self.members.clock()
        seconds = min(max(left, 0.0), _LOOK)
        # What a worker was told comes first: it says why its job has failed.
        for ticket in self.pool.wait([*self.members.awaited, *held], seconds):
            if ticket not in held:
                self.members.hear(ticket)
                continue
            done = held.pop(ticket)
            try:
                result = self.pool.result(ticket)
            except Lost as lost:
                self._again(done, lost, waiting)
            else:
                yield done.share.number, result

    def _hand_out(self, waiting: deque[_Share], held: dict[Ticket, _Held]) -> None:
        """Gives what waits to those that have nothing."""
        busy = {one.worker for one in held.values()}
        free = [worker for worker in self.members.ready if worker not in busy]
        while waiting and free:
            share = waiting.popleft()
            worker = min(free, key=partial(self._unfit, share))
            free.remove(worker)
            until = self.members.clock() + self.deadline
            held[self.pool.ask(worker, share.job)] = _Held(share, worker, until)

    def _unfit(self, share: _Share, worker: Worker) -> tuple[bool, bool]:
        """Whether a share had better go to another: first of all to another node."""
        ready = self.members.ready
        return share.avoids(worker), ready[share.job.wanted % len(ready)] is not worker

    def _give_up_overdue(
        self, held: dict[Ticket, _Held], waiting: deque[_Share]
    ) -> None:
        now = self.members.clock()
        overdue = {t: one for t, one in held.items() if one.until <= now}
        # Answers may have come while whoever is given the results used them.
        answered = self.pool.wait(list(overdue), 0.0) if overdue else []
        for ticket, one in overdue.items():
            if ticket not in answered:
                del held[ticket]
                lost = Lost(f"no answer within {self.deadline:g} s: it was ended")
                self._again(one, lost, waiting)

    def _again(self, done: _Held, lost: Lost, waiting: deque[_Share]) -> None:
        """Puts a share back, unless it is to blame."""
        share, worker = done.share, done.worker
        self.members.lose(worker, lost)
        share.lost.append((worker, lost))
        by_memory = sum(lost.by_memory for _, lost in share.lost)
        causes = "; ".join(f"{worker}: {lost}" for worker, lost in share.lost)
        if by_memory >= ATTEMPTS_FOR_MEMORY:
            raise OutOfMemoryError(
                f"{by_memory} workers ran out of memory over the same share of a step "
                f"({causes}). Fewer workers a node, or fewer tasks at once: "
                "meta_learn(..., chunk=1) or max_memory="
            )
        if len(share.lost) >= ATTEMPTS:
            raise WorkerError(
                f"{len(share.lost)} workers were lost over the same share of a step: "
                f"{causes}"
            )
        waiting.append(share)
