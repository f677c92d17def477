"""Evaluation: scores of tasks, with their mean, interval and curve."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import InvalidArgumentError

from ..drawing import overview
from ..drawing.tables import html_table, need_pandas
from .calibration import expected_calibration_error
from .comparison import Comparison, half_width

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Evaluation:
    """Scores of each task, before adaptation and after each of its steps.

    scores        by name ("loss", "accuracy"): float64 [tasks, steps + 1], in the order
                  of the tasks
    batch_norm    whose statistics normalised: "running", "transductive", "support",
                  "per_step", "per_step_transductive"; None for a network without batch
                  norm
    transductive  whether a query's prediction depends on the other queries
    confidence    for classes: float64 [tasks, steps + 1, 3, 15], see
                  `calibration.confidence_bins`; else None
    task_key      tells the tasks from others, by content: what `description()` of a
                  TaskSampler gives, as JSON; None where that is not known
    beside        the same learner's evaluation on the same tasks in the other mode,
                  where both were asked for

    Means, medians and intervals are over the tasks that did not diverge. An interval is
    over tasks: of tasks that are drawn again and again from few examples it is too
    narrow (`TaskSampler`).

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
    confidence: NDArray[np.float64] | None = None
    task_key: str | None = None
    beside: Evaluation | None = None

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
        if name not in self.scores:
            why = (
                "; accuracy is of class labels, and these targets are values (as they "
                "are with loss=, which gets targets as they come)"
                if name == "accuracy" and self.confidence is None
                else ""
            )
            raise InvalidArgumentError(
                f"Evaluation: no score {name!r}; there are "
                f"{', '.join(map(repr, self.scores))}{why}"
            )
        self._check_step(step)
        return self.scores[name][self._kept(), step]

    def _check_step(self, step: int) -> None:
        if not -self.steps - 1 <= step <= self.steps:
            raise InvalidArgumentError(
                f"Evaluation: step={step}; there were {self.steps} steps, and 0 is "
                "before any"
            )

    def mean(self, name: str = "loss", step: int = -1) -> float:
        values = self.values(name, step)
        return float(values.mean()) if values.size else math.nan

    def median(self, name: str = "loss", step: int = -1) -> float:
        values = self.values(name, step)
        return float(np.median(values)) if values.size else math.nan

    def interval(self, name: str = "loss", step: int = -1) -> float:
        """Half the width of the 95 % interval of the mean: 1.96 σ / √n; NaN for one
        task."""
        return half_width(self.values(name, step))

    def curve(self, name: str = "loss") -> list[float]:
        """The mean before adaptation, and after 1, 2, ... steps."""
        return [self.mean(name, step) for step in range(self.steps + 1)]

    def curve_with_intervals(
        self, name: str = "loss"
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The curve, and half the 95 % interval of each of its means; [steps + 1]."""
        half = [self.interval(name, step) for step in range(self.steps + 1)]
        return np.array(self.curve(name)), np.array(half)

    @property
    def accuracy(self) -> float:
        """The mean accuracy, from 0 to 1."""
        return self.mean("accuracy")

    def calibration_error(self, step: int = -1) -> float:
        """The expected calibration error, from 0 to 1, pooled over the queries of all
        tasks that did not diverge: 15 bins of equal width of the largest probability,
        and the mean over queries of |share of right ones − mean confidence| of the
        query's bin. NaN where there are no classes.

        Guo et al. 2017, arXiv:1706.04599, section 2.
        """
        bins = self.confidence_bins(step)
        return math.nan if bins is None else expected_calibration_error(bins)

    def confidence_bins(self, step: int = -1) -> NDArray[np.float64] | None:
        """What that is made of, summed over the tasks, [3, 15]: in each bin the number
        of queries, their confidences and how many are right; None without classes."""
        if self.confidence is None:
            return None
        self._check_step(step)
        bins: NDArray[np.float64] = self.confidence[self._kept(), step].sum(axis=0)
        return bins

    def compare(
        self, other: Evaluation, name: str | None = None, step: int = -1
    ) -> Comparison:
        """This learner's score minus another's, task by task.

        name   which score; None: "accuracy" where there is one, else "loss"

        Raises InvalidArgumentError for evaluations on other tasks, or without that
        score.

        >>> one = Evaluation({"loss": np.array([[1.0], [2.0]])}, None, False)
        >>> other = Evaluation({"loss": np.array([[1.5], [2.5]])}, None, False)
        >>> one.compare(other).mean
        -0.5
        """
        if not isinstance(other, Evaluation):
            raise InvalidArgumentError(
                f"compare: expected an Evaluation, not {type(other).__name__}"
            )
        if self.tasks != other.tasks or (
            None not in (self.task_key, other.task_key)
            and self.task_key != other.task_key
        ):
            raise InvalidArgumentError(
                "compare: these are evaluations on other tasks "
                f"({_other_tasks(self, other)}); "
                "evaluate both learners on the same ones"
            )
        if name is None:
            name = "accuracy" if "accuracy" in self.scores else "loss"
        for each in (self, other):
            if name not in each.scores:
                raise InvalidArgumentError(
                    f"compare: no score {name!r}; there are "
                    f"{', '.join(map(repr, each.scores))}"
                )
        both = self._kept() & other._kept()
        found = self.scores[name][both, step] - other.scores[name][both, step]
        return Comparison(name, found, self.tasks - int(both.sum()))

    def plot(self, name: str | None = None) -> Figure:
        """A score by gradient step with its 95 % interval (without steps: how it is
        spread over the tasks), and of classes a reliability diagram. The functions of
        `neurenix.meta.plot` draw each by itself.

        name   which score; None: "accuracy" where there is one, else "loss"

        Raises InvalidArgumentError for a score that it lacks, MissingPackageError
        without matplotlib (the extra `plot`).

        >>> losses = np.array([[2.0, 1.0], [4.0, 2.0]])
        >>> len(Evaluation({"loss": losses}, None, False).plot().axes)
        1
        """
        if name is None:
            name = "accuracy" if "accuracy" in self.scores else "loss"
        bins = self.confidence_bins()
        return overview.evaluation(
            name,
            self.curve_with_intervals(name),
            self.values(name),
            None if bins is None else (bins, self.calibration_error()),
        )

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame: a row for each task and each step of adaptation (0 is before
        any), indexed by both; a column for each score. Tasks that diverged are in it.

        Raises MissingPackageError without pandas (the extra `pandas`).

        >>> losses = np.array([[2.0, 1.0]])
        >>> Evaluation({"loss": losses}, None, False).to_pandas()  # doctest: +SKIP
                   loss
        task step
        0    0      2.0
             1      1.0
        """
        pandas = need_pandas()
        steps = [range(self.tasks), range(self.steps + 1)]
        index = pandas.MultiIndex.from_product(steps, names=["task", "step"])
        columns = {name: values.ravel() for name, values in self.scores.items()}
        return pandas.DataFrame(columns, index=index)

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        return html_table(head, rows, str(self))

    def summary(self) -> str:
        """A table of every score after each step of adaptation: mean, half the 95 %
        interval, median; and of the calibration error.

        >>> losses = np.array([[2.0, 1.0], [4.0, 2.0]])
        >>> print(Evaluation({"loss": losses}, None, False).summary())
        steps  loss: mean ± 95 %, median
            0  3 ± 2, 3
            1  1.5 ± 0.98, 1.5
        """
        rows = self._table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                [row[0].rjust(widths[0]), *map(str.ljust, row[1:], widths[1:])]
            ).rstrip()
            for row in rows
        )

    def _table(self) -> list[list[str]]:
        """Head and rows of the summary."""
        head = [f"{name}: mean ± 95 %, median" for name in self.scores]
        calibrated = self.confidence is not None
        rows = [["steps", *head, *(["calibration error"] if calibrated else [])]]
        for step in range(self.steps + 1):
            cells = [
                f"{self.mean(name, step):.4g} ± {self.interval(name, step):.2g}, "
                f"{self.median(name, step):.4g}"
                for name in self.scores
            ]
            if calibrated:
                cells.append(f"{self.calibration_error(step):.3g}")
            rows.append([str(step), *cells])
        return rows

    def __str__(self) -> str:
        if "accuracy" in self.scores:
            value, width = (100 * x for x in (self.accuracy, self.interval("accuracy")))
            text = f"accuracy {value:.2f} % ± {width:.2f}"
        else:
            text = f"loss {self.mean():.4g} ± {self.interval():.2g}"
        lost = f", {self.diverged} of them diverged" if self.diverged else ""
        norm = f"batch norm: {self.batch_norm}" if self.batch_norm else "no batch norm"
        kind = "transductive" if self.transductive else "non-transductive"
        error = self.calibration_error()
        said = "" if math.isnan(error) else f"; calibration error {100 * error:.1f} %"
        line = f"{text} ({self.tasks} tasks{lost}; {norm}, {kind}{said})"
        return line if self.beside is None else f"{line}\n{self.beside}"

    def __repr__(self) -> str:
        return f"<Evaluation: {self}>"


def _other_tasks(one: Evaluation, other: Evaluation) -> str:
    """In what the tasks differ, with both values."""
    if one.tasks != other.tasks:
        return f"{one.tasks} and {other.tasks}"
    try:
        here, there = (json.loads(str(e.task_key)) for e in (one, other))
        found = [
            f"{name}={here.get(name)!r} and {there.get(name)!r}"
            for name in {**here, **there}
            if here.get(name) != there.get(name)
        ]
    except (ValueError, AttributeError):  # keys that someone else has chosen
        found = []
    return ", ".join(found) or f"{one.task_key} and {other.task_key}"
