"""Curves with their 95 % intervals: by epoch of training, by step of adaptation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import InvalidArgumentError

from . import palette
from .figures import new_figure, show_as_shares, whole_numbers, without_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]
VALIDATION = "validation_"
_MOST_MARKED = 30  # longer curves have no markers
_DEVIATIONS_95 = 1.96


class Run(Protocol):
    """What a `History` has."""

    @property
    def epochs(self) -> int: ...
    @property
    def intervals(self) -> Mapping[str, list[float]]: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, name: str, /) -> list[float]: ...


def learning(runs: Mapping[str, Sequence[Run]], names: Sequence[str] | None) -> Figure:
    """A panel for each quantity, by epoch: training dashed, validation solid.

    runs    by label: one run, or the same with several seeds, whose mean is drawn
    names   of columns; None: all
    """
    panels: dict[str, list[str]] = {}
    for name in _columns(runs, names):
        panels.setdefault(name.removeprefix(VALIDATION), []).append(name)
    figure = new_figure(4.6 * len(panels), 3.4)
    for ax, (quantity, columns) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        number = 0
        for label, group in runs.items():
            for name in columns:
                found = [run for run in group if name in list(run)]
                if found:
                    colour = palette.colour(number)
                    _learning_curve(ax, found, name, label, colour)
                    number += len(runs) == 1
            number += len(runs) > 1
        _finish(ax, "epoch", quantity)
    return figure


def _columns(
    runs: Mapping[str, Sequence[Run]], names: Sequence[str] | None
) -> list[str]:
    """The columns to draw, of those that there are."""
    every = [run for group in runs.values() for run in group]
    there = list(dict.fromkeys(name for run in every for name in run))
    if not there or not all(run.epochs for run in every):
        raise InvalidArgumentError(
            "a history without an epoch: there is nothing to draw"
        )
    lacking = [name for name in names or [] if name not in there]
    if lacking or isinstance(names, str):
        raise InvalidArgumentError(
            f"names={names!r}; the histories have the columns "
            f"{', '.join(map(repr, there))}"
        )
    return there if names is None else list(names)


def _learning_curve(
    ax: Axes, runs: Sequence[Run], name: str, label: str, colour: str
) -> None:
    mean, half = _mean_and_interval(runs, name)
    validates = name.startswith(VALIDATION)
    role = "validation" if validates else "training"
    words = [x for x in (label, role) if x]
    if len(runs) > 1:
        words.append(f"({len(runs)} runs)")
    _curve(
        ax, np.arange(1.0, len(mean) + 1), mean, half, " ".join(words), colour,
        marker="o" if validates else ".", style="-" if validates else "--",
    )  # fmt: skip


def _mean_and_interval(runs: Sequence[Run], name: str) -> tuple[Values, Values]:
    """By epoch: of several runs the mean over those that got so far, and half its 95 %
    interval; of one its values, and the intervals that it recorded."""
    epochs = max(run.epochs for run in runs)
    if len(runs) == 1:
        half = runs[0].intervals.get(name, [np.nan] * epochs)
        return np.array(runs[0][name], float), np.array(half, float)
    rows = np.full((len(runs), epochs), np.nan)
    for row, run in zip(rows, runs):
        row[: run.epochs] = run[name]
    count = np.isfinite(rows).sum(axis=0)
    known = np.where(np.isfinite(rows), rows, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = known.sum(axis=0) / count
        squares = np.where(np.isfinite(rows), (rows - mean) ** 2, 0.0).sum(axis=0)
        half = _DEVIATIONS_95 * np.sqrt(squares / (count - 1) / count)
    return mean, np.where(count > 1, half, np.nan)


def adaptation(
    ax: Axes, curves: Mapping[str, tuple[Values, Values]], quantity: str
) -> None:
    """Means with half their intervals, [steps + 1] each, by gradient step."""
    for number, (label, (mean, half)) in enumerate(curves.items()):
        steps, colour = np.arange(float(len(mean))), palette.colour(number)
        _curve(ax, steps, mean, half, label, colour, marker=palette.marker(number))
    _finish(ax, "gradient steps", quantity)


def _curve(
    ax: Axes, x: Values, mean: Values, half: Values, label: str, colour: str,
    marker: str, style: str = "-",
) -> None:  # fmt: skip
    mark = marker if len(x) <= _MOST_MARKED else None
    ax.plot(
        x, mean, style, color=colour, marker=mark, markersize=4.5, label=label or None
    )
    if len(x) == 1:  # a band has no width there
        ax.errorbar(x, mean, half, color=colour, capsize=4)
    elif np.isfinite(half).any():
        ax.fill_between(
            x, mean - half, mean + half, color=colour, alpha=0.22, linewidth=0
        )


def _finish(ax: Axes, x: str, quantity: str) -> None:
    ax.set(xlabel=x, ylabel=quantity.replace("_", " "))
    whole_numbers(ax)
    without_frame(ax)
    if quantity == "accuracy":
        show_as_shares(ax.yaxis)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small")
