"""RayCrew: workers as actors of Ray, one a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurenix.errors import NeurenixError

from .crew import Crew, Job
from .ray_package import ray_package
from .ray_resources import check_resources
from .same import check_same
from .shipping import shipped
from .worker import About, Worker

# Ray hands smaller arguments over with the call; others go by the nodes' object stores.
_INLINE_BYTES = 1 << 16


@dataclass(frozen=True)
class RayOptions:
    """How a crew is made.

    workers     how many
    device      as of `nx.init`, in each worker
    resources   of Ray, that a worker takes: {"CPU": 1, "GPU": 1}
    """

    workers: int
    device: str
    resources: Mapping[str, float]


class RayCrew(Crew):
    """Actors of the Ray cluster that this process is connected to."""

    def __init__(self, options: RayOptions) -> None:
        self.options = options
        self.ray = ray_package()
        check_resources(self.ray, options.workers, options.resources)
        self._told: dict[str, Any] = {}
        self._actors = [self._actor() for _ in range(options.workers)]
        self._abouts: dict[Any, About] = {}
        threads = max(1, int(options.resources.get("CPU", 1)))
        starting = [a.start.remote(options.device, threads) for a in self._actors]
        for actor, about in zip(self._actors, starting, strict=True):
            self._abouts[actor] = self._result(actor, about)
        device = options.device.partition(":")[0]
        check_same(list(self._abouts.values()), device)

    def _actor(self) -> Any:
        resources = dict(self.options.resources)
        kind = self.ray.remote(Worker).options(
            num_cpus=resources.pop("CPU", 0.0),
            num_gpus=resources.pop("GPU", 0.0),
            resources=resources or None,
        )
        return kind.remote()

    def _result(self, actor: Any, reference: Any) -> Any:
        """A job's result. An error of ours is raised as what it is, with the machine on
        which it came."""
        try:
            return self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            cause = error.cause
            if not isinstance(cause, NeurenixError):
                raise
            about = self._abouts.get(actor)
            where = f"a worker on {about.host}" if about else "a worker"
            cause.args = (f"{where}: {cause}", *cause.args[1:])
            raise cause from None

    @property
    def size(self) -> int:
        return len(self._actors)

    def tell(self, name: str, value: object) -> None:
        self._told[name] = shipped(self.ray, value)
        told = [(a, a.learn.remote(name, self._told[name])) for a in self._actors]
        for actor, done in told:
            self._result(actor, done)

    def forget(self, name: str) -> None:
        if self._told.pop(name, None) is not None:
            for actor in self._actors:
                actor.forget.remote(name)

    def put(self, value: object) -> Any:
        if isinstance(value, np.ndarray) and value.nbytes <= _INLINE_BYTES:
            return value
        return self.ray.put(value)

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Any]]:
        under_way: dict[Any, tuple[int, Any]] = {}
        for number, job in enumerate(jobs):
            actor = self._wanted(job)
            under_way[_begun(actor, job)] = number, actor
        return self._arriving(under_way)

    def _arriving(
        self, under_way: dict[Any, tuple[int, Any]]
    ) -> Iterator[tuple[int, Any]]:
        while under_way:
            (done, *_), _ = self.ray.wait(list(under_way), num_returns=1)
            number, actor = under_way.pop(done)
            yield number, self._result(actor, done)

    def hint(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            _begun(self._wanted(job), job)

    def _wanted(self, job: Job) -> Any:
        return self._actors[job.wanted % len(self._actors)]

    def close(self) -> None:
        for actor in self._actors:
            self.ray.kill(actor)
        self._actors = []
        self._told = {}


def _begun(actor: Any, job: Job) -> Any:
    return getattr(actor, job.method).remote(*job.arguments)
