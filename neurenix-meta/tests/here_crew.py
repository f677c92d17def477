"""A crew of workers in this process, one after the other."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import neurenix as nx
from neurenix.meta.distributed.crew import Crew, Job
from neurenix.meta.distributed.worker import Worker


@contextmanager
def _own_random_stream() -> Iterator[None]:
    """Workers have a process each: what they do with its default stream stays there."""
    before = nx.random.default_generator.state_dict()
    yield
    nx.random.default_generator.load_state_dict(before)


class HereCrew(Crew):
    """What is told is copied, as another process would have it."""

    def __init__(self, workers: int, backwards: bool = False) -> None:
        self.workers = [Worker() for _ in range(workers)]
        for worker in self.workers:
            worker.start(str(nx.current_device()), None)
        self.backwards = backwards

    @property
    def size(self) -> int:
        return len(self.workers)

    def tell(self, name: str, value: object) -> None:
        for worker in self.workers:
            with _own_random_stream():
                worker.learn(name, copy.deepcopy(value))

    def forget(self, name: str) -> None:
        for worker in self.workers:
            worker.forget(name)

    def knows(self, name: str) -> bool:
        return all(name in worker._told for worker in self.workers)

    def close(self) -> None:
        self.workers.clear()

    def put(self, value: object) -> Any:
        return copy.deepcopy(value)

    def results(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Any]]:
        done = [(number, self._done(job)) for number, job in enumerate(jobs)]
        return iter(done[::-1] if self.backwards else done)

    def hint(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._done(job)

    def _done(self, job: Job) -> Any:
        worker = self.workers[job.wanted % len(self.workers)]
        with _own_random_stream():
            return getattr(worker, job.method)(*job.arguments)
