"""Crew: the workers that carry out jobs, however they are reached."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Job(NamedTuple):
    """A call of a worker's method. Its result is the same whoever carries it out.

    wanted   the number of the worker that had better do it
    """

    method: str
    arguments: tuple[Any, ...]
    wanted: int


class Crew(abc.ABC):
    """Workers that know the same things, by name, and carry out jobs."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many workers there are now: it may change from one step to the next."""

    @abc.abstractmethod
    def tell(self, name: str, value: object) -> None:
        """Gives every worker a value under a name, those that come later, too."""

    @abc.abstractmethod
    def forget(self, name: str) -> None:
        """What is under that name is needed no more."""

    @abc.abstractmethod
    def knows(self, name: str) -> bool:
        """Whether something is under that name: nothing is any more where a worker
        could not be told, and a job has raised why."""

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of the workers."""

    @abc.abstractmethod
    def put(self, value: object) -> Any:
        """A value that several jobs have among their arguments: what to give in its
        place, so that it travels once."""

    @abc.abstractmethod
    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Any]]:
        """Hands out jobs, at once; each one's number and result, as they come.

        An error of a job is raised; what a lost worker was to do is done by another.
        """

    @abc.abstractmethod
    def hint(self, jobs: Sequence[Job]) -> None:
        """Jobs without a result, each for when the worker that is wanted for it has
        done what it was asked before."""
