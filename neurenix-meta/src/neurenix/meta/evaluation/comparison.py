"""Two learners on the same tasks: whether one is better, by the tasks' differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..drawing.tables import html_table

# Of a normal distribution 95 % lie within so many standard deviations.
DEVIATIONS_95 = 1.96


def half_width(values: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean of these values: 1.96 σ / √n; NaN for one.

    >>> round(half_width(np.array([1.0, 2.0, 3.0])), 3)
    1.132
    """
    if values.size < 2:
        return math.nan
    return DEVIATIONS_95 * float(values.std(ddof=1)) / math.sqrt(values.size)


@dataclass(frozen=True)
class Comparison:
    """Differences of a score between two learners, task by task: the first's value
    minus the second's. What makes a task hard for both cancels out, so that the
    interval is narrower than those of the two means.

    name          of the score
    differences   float64 [tasks], of the tasks that diverged with neither
    left_out      how many tasks diverged with one of them

    >>> found = Comparison("accuracy", np.array([0.2, 0.0, 0.1, 0.1]), 0)
    >>> print(found)
    accuracy: difference +10.00 % ± 8.00 (4 tasks, paired; the interval excludes 0)
    """

    name: str
    differences: NDArray[np.float64]
    left_out: int

    @property
    def mean(self) -> float:
        return float(self.differences.mean()) if self.differences.size else math.nan

    @property
    def interval(self) -> float:
        """Half the width of the 95 % interval of the mean difference."""
        return half_width(self.differences)

    @property
    def significant(self) -> bool:
        """Whether the 95 % interval excludes 0."""
        return abs(self.mean) > self.interval

    def _repr_html_(self) -> str:
        head = ["score", "mean difference", "95 % interval", "tasks"]
        row = [self.name, f"{self.mean:+.4g}", f"± {self.interval:.2g}"]
        return html_table(head, [[*row, str(len(self.differences))]], str(self))

    def __str__(self) -> str:
        if self.name == "accuracy":
            shown = f"{100 * self.mean:+.2f} % ± {100 * self.interval:.2f}"
        else:
            shown = f"{self.mean:+.4g} ± {self.interval:.2g}"
        lost = f", {self.left_out} more diverged" if self.left_out else ""
        zero = "excludes" if self.significant else "contains"
        return (
            f"{self.name}: difference {shown} ({len(self.differences)} tasks{lost}, "
            f"paired; the interval {zero} 0)"
        )
