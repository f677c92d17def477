"""RayStrategy: meta-training and evaluation on the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.arguments import positive, whole
from neurenix.errors import HeadLostError
from neurenix.keywords import check_keywords

from ..calls import home_of
from ..evaluation.score import ScoresKey
from ..method import Method
from ..tasks.batches import Source
from ..training.data import Data
from ..training.options import Training
from ..training.position import Trained
from ..training.strategy import Steps, Strategy
from .crew_strategy import CrewStrategy
from .membership import Change
from .ray_arguments import (
    checked_address,
    checked_at_least,
    checked_device,
    checked_resources,
)
from .ray_crew import RayCrew, RayOptions
from .ray_package import check_no_client, connect, leave, ray_package

S = TypeVar("S", bound="RayStrategy")

# Device types that are the host's processor, of which Ray counts cores.
_PROCESSORS = ("cpu", "reference")


class RayStrategy(Strategy):
    """Meta-steps and scores by workers of a Ray cluster, each with a device of its own.

    workers     how many, at most
    device      of each worker, as of `nx.init`: "cuda". None: of the learner's type
    resources   of Ray, that each worker takes: {"CPU": 1} on processors, else one
                "GPU", too. A worker has as many threads as "CPU" says
    address     of the cluster, as of `ray.init`. None: the one that this process is
                connected to or that RAY_ADDRESS names, else one of this machine
    at_least    with fewer workers no step begins; those that lack join when the cluster
                has room. None: all of them to begin with, then at least one
    deadline    seconds that a worker may take for its share of one step, the first with
                what it compiles, and before that to make itself ready; one that takes
                longer is ended and replaced
    patience    seconds that a run waits for workers, where it has too few
    steps_apart  for methods that say so (Reptile): meta-steps that each worker makes on
                its share before all meet at their mean. It saves messages, and it is
                another algorithm, whose results depend on `workers`: see
                docs/many-machines.md. 1: the steps of one process

    Each worker takes its share of a batch's tasks, by their numbers, and returns the
    sum of what they ask of the parameters, which are added up along the tree that
    `nx.map` adds up along: the bits are those of one process, for any number of
    workers, on devices that are alike; others are refused by name. Updates are made in
    this process, where the learner lives.

    Workers start with the first use and stay until `close`, or the end of a `with`; so
    does the connection to a cluster, where it was made for them. One
    that is lost, alone or with its node, is replaced, and its share done by another:
    results do not change, nor do they when workers join or leave between steps
    (`strategy.workers = 4`, in a callback). `changes` has who came and went.

    Raises InvalidArgumentError for fewer than one worker, and, with what there is, for
    more than the cluster has room for; with `at_least`, a warning. MissingPackageError
    where Ray is not installed, and WorkerError where no cluster answers at `address`.

    >>> from neurenix.meta import MAML, MLP, generate_regression_tasks
    >>> learner = MAML(MLP([1, 8, 1]), inner_steps=1)
    >>> tasks = generate_regression_tasks(8, 5, seed=0)
    >>> with RayStrategy(workers=2) as strategy:  # doctest: +SKIP
    ...     history = learner.meta_learn(tasks, strategy=strategy)
    """

    def __new__(cls: type[S], *args: Any, **kwargs: Any) -> S:
        check_keywords(cls, kwargs)
        made: Any = super().__new__
        return made(cls)

    def __init__(
        self,
        workers: int,
        device: str | None = None,
        *,
        resources: Mapping[str, float] | None = None,
        address: str | None = None,
        at_least: int | None = None,
        deadline: float = 600.0,
        patience: float = 300.0,
        steps_apart: int = 1,
    ) -> None:
        self._workers = whole("RayStrategy", "workers", workers, 1)
        self.at_least = checked_at_least(self._workers, at_least)
        self.deadline = positive("RayStrategy", "deadline", deadline)
        self.patience = positive("RayStrategy", "patience", patience)
        self.steps_apart = whole("RayStrategy", "steps_apart", steps_apart, 1)
        self.device = checked_device(device)
        self.resources = checked_resources(resources)
        self.address = checked_address(address)
        ray_package()
        self._has_connected = False
        self._crew: RayCrew | None = None
        self._inner: CrewStrategy | None = None

    @property
    def workers(self) -> int:
        """How many there are to be; set, it holds from the next step on."""
        return self._workers

    @workers.setter
    def workers(self, count: int) -> None:
        self._workers = whole("RayStrategy", "workers", count, 1)
        if self._crew is not None:
            self._crew.members.wanted = self._workers

    @property
    def changes(self) -> tuple[Change, ...]:
        """Which workers came and went since the first use, and why they went."""
        return () if self._crew is None else tuple(self._crew.members.changes)

    def __enter__(self) -> RayStrategy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers, and what this strategy has started of Ray; a further use
        starts others."""
        if self._inner is not None:
            self._inner.close()
            self._inner = self._crew = None
        if self._has_connected:
            ray_package().shutdown()
            self._has_connected = False

    @contextmanager
    def steps(self, trained: Trained, data: Data, options: Training) -> Iterator[Steps]:
        with self._letting_go():
            started = self._started(trained.method)
            with started.steps(trained, data, options) as steps:
                yield steps

    def scores(
        self, method: Method, source: Source, key: ScoresKey, limit: int | None
    ) -> dict[str, NDArray[np.float64]]:
        with self._letting_go():
            return self._started(method).scores(method, source, key, limit)

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Lets go of a cluster whose head is lost: Ray would end this process."""
        try:
            yield
        except HeadLostError as error:
            self._has_connected = False
            self.close()
            if not leave():
                error.args = (
                    f"{error}. It hangs, so that this process cannot let go of it: "
                    "start the process again for another cluster",
                )
            raise

    def _started(self, method: Method) -> CrewStrategy:
        if self._inner is None:
            ray = ray_package()
            if not ray.is_initialized():
                connect(self.address)
                self._has_connected = True
            check_no_client()
            home = home_of(method) or nx.current_device()
            device = self.device or str(home.type)
            resources = self.resources or _usual(device)
            self._crew = RayCrew(
                RayOptions(
                    self.workers,
                    device,
                    home,
                    resources,
                    self.at_least,
                    self.deadline,
                    self.patience,
                )
            )
            self._inner = CrewStrategy(self._crew, self.steps_apart, self._workers)
        return self._inner


def _usual(device: str) -> dict[str, float]:
    """What a worker takes of Ray's resources, by its device."""
    return {"CPU": 1.0} if device in _PROCESSORS else {"CPU": 1.0, "GPU": 1.0}
