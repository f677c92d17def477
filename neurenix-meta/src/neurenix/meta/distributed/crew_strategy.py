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
from ..training.strategy import Strategy
from .crew import Crew
from .scoring import scores_by
from .steps import CrewSteps
from .told import Told


class CrewStrategy(Strategy):
    """Meta-steps and scores by the workers of a crew."""

    def __init__(self, crew: Crew) -> None:
        self._told = Told(crew)

    def close(self) -> None:
        """Lets go of the workers."""
        self._told.crew.close()

    @contextmanager
    def steps(
        self, trained: Trained, data: Data, options: Training
    ) -> Iterator[CrewSteps]:
        yield CrewSteps(self._told, trained, data, options)

    def scores(
        self, method: Method, source: Source, key: ScoresKey, limit: int | None
    ) -> dict[str, NDArray[np.float64]]:
        return scores_by(self._told, method, source, key, limit)
