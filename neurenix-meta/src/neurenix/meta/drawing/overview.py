"""An evaluation at one look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import curves, distributions, reliability
from .figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = NDArray[np.float64]


def evaluation(
    name: str,
    curve: tuple[Values, Values],
    tasks: Values,
    calibration: tuple[Values, float] | None,
) -> Figure:
    """A score by gradient step (without steps: over tasks), and its reliability.

    curve         means and half their intervals, [steps + 1]
    tasks         the score of each task, at the end
    calibration   confidence bins [3, 15] and the calibration error
    """
    panels = 1 if calibration is None else 2
    figure = new_figure(4.6 * panels, 3.6 if calibration is None else 4.0)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    mean, half = curve
    if len(mean) > 1:
        curves.adaptation(axes[0], {"": curve}, name)
    else:
        distributions.task_scores(axes[0], tasks, mean[-1], half[-1], name)
    if calibration is not None:
        reliability.diagram(axes[1], *calibration)
    return figure
