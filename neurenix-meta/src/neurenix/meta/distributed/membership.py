"""Membership: which workers there are, who replaces the lost, who joins and leaves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from neurenix.errors import NeurenixError, WorkerError

from .pool import Lost, Pool, Ticket, Worker

_log = logging.getLogger("neurenix.meta.distributed")

# A worker that dies before it is ready is asked for again after so many seconds, and
# twice as many each time, up to the second number.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True)
class Change:
    """A worker came or went: "joined", "lost" or "left"; `cause` says why it went."""

    kind: str
    worker: int
    node: str
    cause: str = ""


class Membership:
    """The workers of a run.

    pool       what starts and stops them
    wanted     how many there are to be; may be set at any time, and holds from the next
               step on
    least      with fewer no step begins
    patience   seconds that a run waits for so many, when it has nobody else
    deadline   seconds that a worker may take to make itself ready, once its process is
               there
    ready      those that can be given work, in the order in which they came
    starting   those that are to come, by what says that they are ready
    placing    of those, whose process is not there yet, by what says that it is
    until      of the others, when they have to be ready
    learning   answers that are awaited of those that were told something, with its name
    dropped    answers that nobody needs any more, whatever they are
    told       what every worker knows, by name; those that come later, too
    changes    who came and went
    """

    def __init__(
        self,
        pool: Pool,
        wanted: int,
        least: int = 1,
        patience: float = 60.0,
        deadline: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.wanted = wanted
        self.least = least
        self.patience = patience
        self.deadline = deadline
        self.clock = clock
        self.ready: list[Worker] = []
        self.starting: dict[Ticket, Worker] = {}
        self.placing: dict[Ticket, Worker] = {}
        self.until: dict[Worker, float] = {}
        self.learning: dict[Ticket, tuple[Worker, str]] = {}
        self.dropped: dict[Ticket, Worker] = {}
        self.told: dict[str, Any] = {}
        self.changes: list[Change] = []
        self._is_whole = False
        self._asked_for = 0
        self._pause = 0.0  # after a worker that never became ready
        self._not_before = 0.0

    # ---- between steps ---------------------------------------------------------------

    def gather(self) -> None:
        """Before the first step: waits for as many as a step needs; others join later.
        Raises as `settled`."""
        self.replace()
        self.wait_for(self.least, self.patience)
        self._is_whole = True

    def settled(self) -> list[Worker]:
        """The workers of the next step: those that came are in, too many leave, those
        that lack are asked for. Waits only while there are fewer than the least.

        Raises WorkerError if there are fewer when patience is over. Before all are
        gathered it raises what a worker raised that could not make itself ready;
        afterwards that one counts as lost, for the others can go on.
        """
        while len(self.starting) + len(self.ready) > self.wanted:
            self._leave()
        self.replace()
        self._take_in(0.0)
        self.wait_for(min(self.least, self.wanted), self.patience)
        return list(self.ready)

    def _leave(self) -> None:
        """The newest goes, first of those that are not there yet."""
        if self.starting:
            worker = next(reversed(self.starting.values()))
        else:
            worker = self.ready.pop()
            self._note(Change("left", worker.number, worker.node, "fewer are wanted"))
        self._stop(worker)

    def tell(self, name: str, value: Any) -> None:
        """Gives every worker a value under a name, those that come later, too."""
        self.told.pop(name, None)  # what came between may be about the old one
        self.told[name] = value
        for worker in [*self.starting.values(), *self.ready]:
            self._tell(worker, name, value)

    def _tell(self, worker: Worker, name: str, value: Any) -> None:
        self.learning[self.pool.learn(worker, name, value)] = worker, name

    def forget(self, name: str) -> None:
        """What was told under that name is needed no more, nor what comes of it."""
        self.told.pop(name, None)
        of_it = {t: w for t, (w, told) in self.learning.items() if told == name}
        self.learning = {t: w for t, w in self.learning.items() if t not in of_it}
        self.drop(of_it)
        for worker in [*self.starting.values(), *self.ready]:
            self.pool.forget(worker, name)

    def drop(self, tickets: Mapping[Ticket, Worker]) -> None:
        """The answers of a call that has failed: the next one has nothing to do with
        them. They are heard all the same: Ray prints errors that nobody heard."""
        self.dropped.update(tickets)

    # ---- at any time -----------------------------------------------------------------

    def replace(self) -> None:
        """Asks for as many as lack; they join when the cluster has them. Those that
        hang while they make themselves ready are given up."""
        self._give_up_overdue()
        missing = self.wanted - len(self.ready) - len(self.starting)
        if missing > 0 and self.clock() >= self._not_before:
            for _ in range(missing):
                worker = self.pool.start(self._asked_for)
                self._asked_for += 1
                self.placing[self.pool.placed(worker)] = worker
                for name, value in self.told.items():
                    self._tell(worker, name, value)
                self.starting[self.pool.arrival(worker)] = worker

    def wait_for(self, count: int, seconds: float) -> None:
        """Until so many are ready; raises WorkerError if they are not in time."""
        until = self.clock() + seconds
        while len(self.ready) < count:
            if self.clock() >= until:
                raise WorkerError(self._too_few(count))
            self._wait(until)

    def _wait(self, until: float) -> None:
        self.replace()
        self._take_in(min(until - self.clock(), 1.0))

    def joined(self, ticket: Ticket) -> None:
        """A worker that was starting is ready, or never will be."""
        worker = self.starting[ticket]
        try:
            worker.node = self.pool.node(ticket)
        except (Lost, NeurenixError) as error:
            if isinstance(error, NeurenixError) and not self._is_whole:
                raise
            self._never_ready(worker, error)
            return
        self._stopped_starting(worker)
        self._pause = self._not_before = 0.0
        self.ready.append(worker)
        self._note(Change("joined", worker.number, worker.node))

    def _placed(self, worker: Worker, ticket: Ticket) -> None:
        self.until[worker] = self.clock() + self.deadline
        with suppress(Exception):  # what is wrong with it is told by its start
            self.pool.result(ticket)

    def _never_ready(self, worker: Worker, error: Exception) -> None:
        """It is asked for again, later each time."""
        self._stop(worker)
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._not_before = self.clock() + self._pause
        self._note(Change("lost", worker.number, worker.node, str(error)))

    def _give_up_overdue(self) -> None:
        now = self.clock()
        for worker in [w for w, until in self.until.items() if until <= now]:
            waited = f"it was not ready within {self.deadline:g} s, and was ended"
            self._never_ready(worker, Lost(waited))

    def _stopped_starting(self, worker: Worker) -> None:
        self.starting = {t: w for t, w in self.starting.items() if w is not worker}
        self.placing = {t: w for t, w in self.placing.items() if w is not worker}
        self.until.pop(worker, None)

    def hear(self, ticket: Ticket) -> None:
        """An answer of one that is starting, or was told something. What nobody could
        be told is known to nobody afterwards."""
        if ticket in self.placing:
            self._placed(self.placing.pop(ticket), ticket)
            return
        if ticket in self.starting:
            self.joined(ticket)
            return
        if ticket in self.dropped:
            self._hear_dropped(ticket)
            return
        if ticket not in self.learning:  # its worker was stopped in the meantime
            return
        worker, name = self.learning.pop(ticket)
        try:
            self.pool.result(ticket)
        except Lost as lost:
            self.lose(worker, lost)
        except Exception as error:
            if worker in self.starting.values() and self._is_whole:
                self._never_ready(worker, error)  # the others know it
                return
            self.forget(name)
            raise

    def _hear_dropped(self, ticket: Ticket) -> None:
        worker = self.dropped.pop(ticket)
        try:
            self.pool.result(ticket)
        except Lost as lost:
            self.lose(worker, lost)
        except Exception as error:  # noqa: BLE001 - whatever its job raised
            _log.debug("worker %d, of a call that failed: %s", worker.number, error)

    @property
    def awaited(self) -> list[Ticket]:
        """What `hear` is for, in this order: whether a worker could be told what it has
        to know comes before whether it is ready."""
        return [*self.placing, *self.learning, *self.starting, *self.dropped]

    def lose(self, worker: Worker, lost: Lost) -> None:
        """A worker is gone, or was given up: another is asked for."""
        if worker not in self.ready:
            return  # known already, or its start will tell
        self.ready.remove(worker)
        self._stop(worker)
        self._note(Change("lost", worker.number, worker.node, str(lost)))
        self.replace()

    def end(self) -> None:
        """All go."""
        for worker in [*self.starting.values(), *self.ready]:
            self.pool.stop(worker)
        self.ready.clear()
        self.until.clear()
        for some in (self.placing, self.starting, self.learning, self.dropped):
            some.clear()

    def _take_in(self, seconds: float) -> None:
        """Hears who answers within so many seconds, at the first of them."""
        for ticket in self.pool.wait(self.awaited, seconds):
            self.hear(ticket)

    def _stop(self, worker: Worker) -> None:
        self.pool.stop(worker)
        self._stopped_starting(worker)
        self.learning = {t: w for t, w in self.learning.items() if w[0] is not worker}
        self.dropped = {t: w for t, w in self.dropped.items() if w is not worker}

    def _note(self, change: Change) -> None:
        self.changes.append(change)
        if change.kind == "lost":
            where = f" on node {change.node}" if change.node else ""
            _log.warning("worker %d%s: %s", change.worker, where, change.cause)

    def _too_few(self, count: int) -> str:
        causes = [c for c in self.changes if c.kind == "lost"]
        last = f"; the last that was lost: {causes[-1].cause}" if causes else ""
        return (
            f"{count} workers are needed, and {len(self.ready)} are there after "
            f"{self.patience:g} s{last}. {self.pool.lack(count)}"
        )
