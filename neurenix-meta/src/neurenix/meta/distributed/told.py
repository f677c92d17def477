"""Told: what a crew's workers know of learners and tasks, and telling them the rest."""

from __future__ import annotations

import itertools
from collections.abc import Hashable

from neurenix import optim
from neurenix.state.store import store

from ..method import Method
from ..tasks.batches import Source
from ..training.step import meta_step
from .crew import Crew
from .flat import Bytes
from .messages import Pupil, Still
from .state import MovingState
from .sums import sums_program

_NUMBERS = itertools.count()
_KEPT = 4  # learners, and sources: of training, validation and a test


class ToldLearner:
    """A learner, and what a crew's workers know of it: it is told as a whole where
    anything has changed that a program depends on, and the values that no step changes
    where only these have.

    name        under which they know it
    optimizer   that workers make steps with, if they do
    """

    def __init__(
        self, crew: Crew, method: Method, optimizer: optim.Optimizer | None = None
    ) -> None:
        self.crew = crew
        self.method = method
        self.optimizer = optimizer
        self.name = f"learner {next(_NUMBERS)}"
        self._still_name = f"{self.name}, still"
        self._has_told_still = False
        # It is never run here: it knows what the program of the workers depends on.
        self._program = (
            sums_program(method, 0)
            if optimizer is None
            else meta_step(method, optimizer, 0)
        )
        self._version: int | None = None
        self._seen: object = None

    def state(self) -> Bytes:
        """What a job needs of the learner as it is now; workers are told of the rest,
        where that has changed."""
        version = self._program.version()
        if version != self._version or not self._is_known():
            self.moving = MovingState(self.method, self.optimizer)
            self._tell_all()
            self._version = version
        elif self._seen is not store.now:
            self._tell_still()
        buffer = self.moving.read()
        self._seen = store.now
        return buffer

    def _is_known(self) -> bool:
        names = [self.name, *([self._still_name] if self._has_told_still else [])]
        return all(map(self.crew.knows, names))

    def _tell_all(self) -> None:
        seeds = tuple(stream.seed for stream in self.moving.streams)
        self.crew.forget(self._still_name)  # of before: those that come later
        self._has_told_still = False
        pupil = Pupil(self.method, seeds, self.optimizer)
        self.crew.tell(self.name, pupil)
        self._still = self.moving.still()

    def _tell_still(self) -> None:
        now = self.moving.still()
        changed = {
            name: value
            for name, value in now.items()
            if value.tobytes() != self._still[name].tobytes()
        }
        if changed:
            self.crew.tell(self._still_name, Still(self.name, now))
            self._still, self._has_told_still = now, True

    def own_step_done(self) -> None:
        """The learner has changed by a step, and in nothing that is still."""
        self._seen = store.now

    def forget(self) -> None:
        for name in (self._still_name, self.name):
            self.crew.forget(name)


class Told:
    """What a crew was told: the learners and the sources that it had last, so that
    those of a run's epochs travel once."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self._learners: dict[tuple[int, int], ToldLearner] = {}
        self._sources: dict[Hashable, tuple[Source, str]] = {}

    def learner(
        self, method: Method, optimizer: optim.Optimizer | None = None
    ) -> ToldLearner:
        """What is known of a learner; of one that workers make steps of, with its
        optimizer."""
        key = id(method), id(optimizer)
        told = self._learners.pop(key, None)
        told = told or ToldLearner(self.crew, method, optimizer)
        self._learners[key] = told
        if len(self._learners) > _KEPT:
            self._learners.pop(next(iter(self._learners))).forget()
        return told

    def tasks(self, source: Source) -> str:
        """The name under which workers know the tasks of a source."""
        key = source.told_as()
        told = self._sources.pop(key, None)
        if told is None or not self.crew.knows(told[1]):
            told = source, f"tasks {next(_NUMBERS)}"
            self.crew.tell(told[1], source)
        self._sources[key] = told
        if len(self._sources) > _KEPT:
            self.crew.forget(self._sources.pop(next(iter(self._sources)))[1])
        return told[1]
