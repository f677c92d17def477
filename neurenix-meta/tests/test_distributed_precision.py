"""Workers round the factors of products as the calling process does now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import methods
import pytest
from device_for_a_while import device_for_a_while
from here_crew import HereCrew

import neurenix as nx
from neurenix import meta
from neurenix.backends import BackendInfo, Capabilities, discovery
from neurenix.backends.protocol import API_VERSION, FLOAT32
from neurenix.backends.reference import ReferenceBackend
from neurenix.errors import InvalidArgumentError
from neurenix.meta.distributed.crew_strategy import CrewStrategy
from neurenix.meta.distributed.messages import Way
from neurenix.meta.distributed.worker import Worker
from neurenix.settings import current_precision


class Rounding(ReferenceBackend):
    """The reference, as a device that says it rounds."""

    def capabilities(self, index: int) -> Capabilities:
        has = frozenset({FLOAT32, "tf32"})
        return replace(super().capabilities(index), precisions=has)


discovery.add(
    BackendInfo("rounds", API_VERSION, "tests", -301, lambda: 1, Rounding),
)


class ElsewhereCrew(HereCrew):
    """Workers whose process has a precision of its own; it notes which that is in each
    job."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.theirs = FLOAT32
        self.used: list[str] = []

    def _done(self, job: Any) -> Any:
        here = current_precision()
        nx.init({"device": nx.current_device(), "precision": self.theirs})
        try:
            result = super()._done(job)
            self.theirs = current_precision()
        finally:
            nx.init({"device": nx.current_device(), "precision": here})
        self.used.append(self.theirs)
        return result


@pytest.fixture(autouse=True)
def rounds() -> Iterator[None]:
    with device_for_a_while("rounds"):
        yield


class Coarser(meta.Callback):
    """Rounds from the second epoch on."""

    def on_epoch_end(self, learner: Any, event: meta.Event) -> None:
        nx.init({"device": nx.current_device(), "precision": "tf32"})


@pytest.mark.parametrize("apart", [1, 2])
def test_each_job_has_the_precision_of_now(apart: int) -> None:
    crew = ElsewhereCrew(1)
    learner = methods.make("Reptile")
    learner.meta_learn(
        methods.tasks("Reptile", 2),
        epochs=2,
        tasks_per_batch=1,
        progress=False,
        callbacks=[Coarser()],
        strategy=CrewStrategy(crew, apart, 1),
    )
    steps = [*[FLOAT32] * (2 // apart), *["tf32"] * (2 // apart)]
    assert crew.used == steps
    learner.evaluate(methods.tasks("Reptile", 1), strategy=CrewStrategy(crew))
    assert crew.used == [*steps, "tf32"]
    nx.init({"device": nx.current_device()})
    learner.evaluate(methods.tasks("Reptile", 1), strategy=CrewStrategy(crew))
    assert crew.used[-1] == crew.theirs == FLOAT32


def test_a_worker_whose_device_lacks_it_says_so() -> None:
    worker = Worker()
    worker.start("reference", None)
    with pytest.raises(InvalidArgumentError, match=r"'tf32': reference:0 .*not have"):
        worker._entered(Way(precision="tf32"))
