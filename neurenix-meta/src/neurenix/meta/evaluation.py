"""Evaluation: a method's scores over tasks, with their interval and curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import neurenix as nx

from .batches import Source

if TYPE_CHECKING:
    from .learner import MetaLearner

# Tasks a call of the compiled program: enough to keep all cores busy.
TASKS_PER_CALL = 32
# Of a normal distribution 95 % lie within so many standard deviations.
DEVIATIONS_95 = 1.96


@dataclass(frozen=True)
class Evaluation:
    """Scores of each task, before adaptation and after each of its steps.

    scores        by name ("loss", "accuracy"): float64 [tasks, steps + 1], in the order
                  of the tasks
    batch_norm    whose statistics normalised: "running", "transductive", "support",
                  "per_step"; None for a network without batch norm
    transductive  whether a query's prediction depends on the other queries

    Means, medians and intervals are over the tasks that did not diverge.

    >>> losses = np.array([[2.0, 1.0], [4.0, 2.0], [3.0, np.nan]])
    >>> result = Evaluation({"loss": losses}, None, False)
    >>> result.mean("loss"), result.curve("loss"), result.tasks, result.diverged
    (1.5, [3.0, 1.5], 3, 1)
    >>> print(result)
    loss 1.5 ± 0.98 (3 tasks, 1 of them diverged; no batch norm, non-transductive)
    """

    scores: Mapping[str, NDArray[np.float64]]
    batch_norm: str | None
    transductive: bool

    @property
    def tasks(self) -> int:
        return len(self.scores["loss"])

    @property
    def steps(self) -> int:
        return self.scores["loss"].shape[1] - 1

    @property
    def diverged(self) -> int:
        """How many tasks have a loss that is not finite after the last step."""
        return self.tasks - int(self._kept().sum())

    def _kept(self) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = np.isfinite(self.scores["loss"][:, -1])
        return kept

    def values(self, name: str, step: int = -1) -> NDArray[np.float64]:
        """One score of each task that did not diverge, after a step (the last one)."""
        return self.scores[name][self._kept(), step]

    def mean(self, name: str = "loss", step: int = -1) -> float:
        values = self.values(name, step)
        return float(values.mean()) if values.size else math.nan

    def median(self, name: str = "loss", step: int = -1) -> float:
        values = self.values(name, step)
        return float(np.median(values)) if values.size else math.nan

    def interval(self, name: str = "loss", step: int = -1) -> float:
        """Half the width of the 95 % interval of the mean: 1.96 σ / √n; NaN for one
        task."""
        values = self.values(name, step)
        if values.size < 2:
            return math.nan
        return DEVIATIONS_95 * float(values.std(ddof=1)) / math.sqrt(values.size)

    def curve(self, name: str = "loss") -> list[float]:
        """The mean before adaptation, and after 1, 2, ... steps."""
        return [self.mean(name, step) for step in range(self.steps + 1)]

    @property
    def accuracy(self) -> float:
        """The mean accuracy, from 0 to 1."""
        return self.mean("accuracy")

    def __str__(self) -> str:
        if "accuracy" in self.scores:
            value, width = (100 * x for x in (self.accuracy, self.interval("accuracy")))
            text = f"accuracy {value:.2f} % ± {width:.2f}"
        else:
            text = f"loss {self.mean():.4g} ± {self.interval():.2g}"
        lost = f", {self.diverged} of them diverged" if self.diverged else ""
        norm = f"batch norm: {self.batch_norm}" if self.batch_norm else "no batch norm"
        kind = "transductive" if self.transductive else "non-transductive"
        return f"{text} ({self.tasks} tasks{lost}; {norm}, {kind})"

    def __repr__(self) -> str:
        return f"<Evaluation: {self}>"


def scoring(learner: MetaLearner, steps: int, chunk: int = 0) -> nx.Compiled:
    """The compiled function of a batch of tasks: scores by name, [tasks, steps + 1]."""

    def score(read: Any, data: Any, picks: nx.Tensor) -> Any:
        parameters = learner.learned()

        def one(pick: nx.Tensor) -> dict[str, nx.Tensor]:
            return learner.task_scores(parameters, read(data, pick), steps)

        with nx.no_grad():
            return nx.map(one, chunk=chunk)(picks)

    return nx.compile(score, state=[learner, nx.random.default_generator])


def scores_of(score: nx.Compiled, source: Source) -> dict[str, NDArray[np.float64]]:
    """Every task's scores, in the order of the tasks."""
    found: dict[str, NDArray[np.float64]] = {}
    size = min(TASKS_PER_CALL, source.largest_batch or TASKS_PER_CALL)
    for batch in source.epoch(size):
        count = len(batch.picks)
        # A last batch is filled up with its first task: one program serves all.
        picks = np.concatenate([batch.picks, batch.picks[:1].repeat(size - count, 0)])
        rows = score(batch.bucket.read, batch.bucket.data, picks)
        for name, values in rows.items():
            values = values.numpy()[:count].astype(np.float64)
            if name not in found:
                found[name] = np.full((len(source), values.shape[1]), math.nan)
            found[name][batch.numbers] = values
    return found
