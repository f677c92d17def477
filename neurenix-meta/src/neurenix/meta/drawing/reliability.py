"""Reliability: how often predictions of each confidence are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import palette
from .figures import ink, show_as_shares, without_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 15


def bins_of(
    probabilities: NDArray[np.float64], classes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Count, sum of confidence and number of right ones, [3, 15], by confidence.

    >>> bins = bins_of(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    >>> bins[:, [9, 13]].tolist()
    [[1.0, 1.0], [0.6, 0.9], [0.0, 1.0]]
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == classes
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    weights = (np.ones_like(confidence), confidence, right.astype(float))
    rows = [np.bincount(place, w, BINS).astype(np.float64) for w in weights]
    return np.stack(rows)


def diagram(ax: Axes, bins: NDArray[np.float64], error: float) -> None:
    """Bars of accuracy against the diagonal, and below it how many queries there are of
    each confidence."""
    count, confidence, right = bins
    width = 1.0 / bins.shape[1]
    middles = (np.arange(bins.shape[1]) + 0.5) * width
    there = count > 0
    accuracy = right[there] / count[there]
    said = confidence[there] / count[there]
    ax.bar(middles[there], accuracy, 0.92 * width, color=palette.BLUE, label="right")
    low = np.minimum(accuracy, said)
    ax.bar(
        middles[there], np.abs(accuracy - said), 0.92 * width, low, fill=False,
        edgecolor=palette.VERMILLION, hatch="////", linewidth=1.0, label="gap",
    )  # fmt: skip
    ax.plot([0, 1], [0, 1], ":", color=ink(), linewidth=1.2)
    ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="right")
    ax.set_title(f"calibration error {100 * error:.1f} %", fontsize="medium")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    without_frame(ax)
    show_as_shares(ax.yaxis)
    ax.tick_params(labelbottom=False)
    below = ax.inset_axes((0, -0.3, 1, 0.2), sharex=ax)
    below.bar(middles, count / count.sum(), 0.92 * width, color=palette.GREY)
    below.set(xlabel="confidence", ylabel="queries")
    without_frame(below)
    show_as_shares(below.yaxis)
    show_as_shares(below.xaxis)
