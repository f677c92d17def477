"""Pool: what membership and rounds ask of a cluster. Nothing here knows Ray."""

from __future__ import annotations

import abc
from collections.abc import Collection
from typing import Any

from .crew import Job


class Worker:
    """A process that does shares of steps.

    number   counted from 0 in the order in which workers were asked for
    node     where it runs; "" until it is ready
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.node = ""

    def __str__(self) -> str:
        return f"worker {self.number}" + (f" on node {self.node}" if self.node else "")


class Ticket:
    """An answer that is awaited."""


class Lost(Exception):
    """A worker is gone, and its answer with it; the message says by what.

    by_memory   whether it was killed because its node ran out of memory
    """

    def __init__(self, cause: str, *, by_memory: bool = False) -> None:
        super().__init__(cause)
        self.by_memory = by_memory


class Pool(abc.ABC):
    """Workers as a cluster has them."""

    @abc.abstractmethod
    def start(self, number: int) -> Worker:
        """Asks for one more worker, which may be told things at once. Where the cluster
        has no place yet, it comes later."""

    @abc.abstractmethod
    def placed(self, worker: Worker) -> Ticket:
        """Answered when its process is there, however: the cluster had a place."""

    @abc.abstractmethod
    def arrival(self, worker: Worker) -> Ticket:
        """Answered when it is ready, and knows what it was told before this."""

    @abc.abstractmethod
    def stop(self, worker: Worker) -> None:
        """Ends a worker's process, whatever it does; does not wait for that."""

    @abc.abstractmethod
    def ask(self, worker: Worker, job: Job) -> Ticket:
        """Hands a job to a worker that is ready."""

    @abc.abstractmethod
    def learn(self, worker: Worker, name: str, value: Any) -> Ticket:
        """Tells a worker something, ahead of all that it is asked later."""

    @abc.abstractmethod
    def forget(self, worker: Worker, name: str) -> None:
        """What it was told under that name is needed no more."""

    @abc.abstractmethod
    def hint(self, worker: Worker, job: Job) -> None:
        """A job without a result, after what it has to do now."""

    @abc.abstractmethod
    def ship(self, value: object) -> Any:
        """What to give in place of a value that workers are told. Raises
        InvalidArgumentError, naming the attribute, for one that cannot be sent."""

    @abc.abstractmethod
    def put(self, value: object) -> Any:
        """What to give in place of a value that goes to many, so that it travels once
        to each node. Raises WorkerError where there is no room for it."""

    @abc.abstractmethod
    def wait(self, tickets: Collection[Ticket], seconds: float) -> list[Ticket]:
        """Those that are answered; returns with the first, or when time is over.

        Raises HeadLostError once the cluster itself is gone.
        """

    @abc.abstractmethod
    def node(self, ticket: Ticket) -> str:
        """Where a worker is that has become ready.

        Raises Lost; an error of ours that the worker raised when it made itself ready,
        WorkerError for any other; and InvalidArgumentError or DeviceError for one whose
        results could be others.
        """

    @abc.abstractmethod
    def result(self, ticket: Ticket) -> Any:
        """What a job gave. Raises Lost, what the job raised, or WorkerError for what
        the cluster could not do."""

    @abc.abstractmethod
    def lack(self, workers: int) -> str:
        """What the cluster has, and so many workers ask for, as the end of an error's
        message."""
