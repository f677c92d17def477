"""How a score is spread over tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import palette
from .figures import ink, show_as_shares, without_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_BINS = 20


def edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The edges of at most about 20 bins of equal width. Shares of a few queries lie on
    a grid: bins are as wide as some of its steps, else some would be empty.

    >>> edges(np.array([0.2, 0.4, 0.8])).round(2).tolist()
    [0.1, 0.3, 0.5, 0.7, 0.9]
    """
    low, high = float(values.min()), float(values.max())
    steps: NDArray[np.float64] = np.diff(np.unique(values.round(9)))
    if not len(steps):
        return np.array([low - 0.5, high + 0.5])
    step, span = float(steps.min()), high - low
    on_a_grid = np.allclose(steps / step, np.round(steps / step), atol=1e-3)
    if not on_a_grid or span / step > 10 * _BINS:
        return np.linspace(low, high, _BINS + 1)
    width = step * np.ceil((span / step + 1) / _BINS)
    count = int(np.ceil((span + step) / width - 1e-6))
    start = low - step / 2
    return start + width * np.arange(count + 1)


def task_scores(
    ax: Axes, values: NDArray[np.float64], mean: float, half: float, quantity: str
) -> None:
    """A histogram of the tasks' values, with their mean and its interval."""
    share = quantity == "accuracy"
    bins = edges(values)
    if share:  # none is below 0 or above 1
        bins = bins.clip(0.0, 1.0)
    ax.hist(
        values, bins=bins.tolist(), color=palette.BLUE, alpha=0.75, edgecolor="none"
    )
    text = f"mean {100 * mean:.1f} %" if share else f"mean {mean:.4g}"
    if np.isfinite(half):
        text += f" ± {100 * half:.1f}" if share else f" ± {half:.2g}"
        ax.axvspan(mean - half, mean + half, color=palette.VERMILLION, alpha=0.3)
    ax.axvline(mean, color=palette.VERMILLION, label=text)
    ax.set(xlabel=quantity.replace("_", " "), ylabel=f"of {len(values)} tasks")
    without_frame(ax)
    if share:
        show_as_shares(ax.xaxis)
        left, right = ax.get_xlim()
        ax.set_xlim(max(left, 0.0), min(right, 1.0))
    ax.legend(frameon=False, fontsize="small", labelcolor=ink())
