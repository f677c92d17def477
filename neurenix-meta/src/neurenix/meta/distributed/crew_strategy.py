"""CrewStrategy: training and evaluation by a crew, whatever its workers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ..evaluation.score import ScoresKey
from ..method import Method
from ..tasks.batches import Source
from ..training.data import Data
from ..training.options import Training
from ..training.position import Trained
from ..training.strategy import Steps, Strategy
from .apart import StepsApart
from .crew import Crew
from .scoring import scores_by
from .steps import CrewSteps
from .told import Told


class CrewStrategy(Strategy):
    """Meta-steps and scores by the workers of a crew.

    steps_apart   meta-steps that each of `workers` shares is learned from alone before
                  all meet; 1: the steps of one process
    """

    def __init__(self, crew: Crew, steps_apart: int = 1, workers: int = 1) -> None:
        self._told = Told(crew)
        self.steps_apart = steps_apart
        self.workers = workers

    def close(self) -> None:
        """Lets go of the workers."""
        self._told.crew.close()

    @contextmanager
    def steps(self, trained: Trained, data: Data, options: Training) -> Iterator[Steps]:
        given = self._told, trained, data, options
        if self.steps_apart == 1:
            yield CrewSteps(*given)
        else:
            yield StepsApart(*given, self.steps_apart, self.workers)

    def scores(
        self, method: Method, source: Source, key: ScoresKey, limit: int | None
    ) -> dict[str, NDArray[np.float64]]:
        return scores_by(self._told, method, source, key, limit)
