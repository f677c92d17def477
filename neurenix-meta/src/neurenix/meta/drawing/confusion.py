"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .figures import axes_of, figure_of, show_as_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NUMBERED = 20  # more classes have no numbers in their cells


def in_order(labels: Iterable[Any]) -> list[Any]:
    """The labels that there are, each once, sorted; None is the last.

    >>> in_order(["b", None, "a", "b"])
    ['a', 'b', None]
    """
    there = dict.fromkeys(labels)
    known = (x for x in there if x is not None)
    return sorted(known, key=lambda x: (str(type(x)), x)) + [None] * (None in there)


def of_labels(
    truth: Sequence[object],
    predicted: Sequence[object],
    classes: Sequence[object],
    normalize: bool,
    ax: Axes | None,
) -> Figure:
    """The matrix of labels [n] and predictions [n], all of them among the classes, of
    which None is the last; on axes of its own without any."""
    names = ["none of these" if label is None else str(label) for label in classes]
    size = min(10.0, 1.8 + 0.38 * len(names))
    ax = axes_of(ax, size + 0.8, size)
    found = counts(truth, predicted, classes)
    if None not in truth:
        found = found[: len(classes) - (None in predicted)]
    matrix(ax, found, names, normalize)
    return figure_of(ax)


def counts(
    truth: Sequence[object], predicted: Sequence[object], classes: Sequence[object]
) -> NDArray[np.int64]:
    """How many examples of class i were taken for class j, [classes, classes].

    >>> counts(["a", "b", "b"], ["a", "a", "b"], ["a", "b"]).tolist()
    [[1, 0], [1, 1]]
    """
    place = {label: number for number, label in enumerate(classes)}
    found = np.zeros((len(classes), len(classes)), np.int64)
    for wanted, given in zip(truth, predicted):
        found[place[wanted], place[given]] += 1
    return found


def matrix(
    ax: Axes, found: NDArray[np.int64], names: Sequence[str], normalize: bool
) -> None:
    """The matrix, a row a true class; as shares of its row with `normalize`. A last
    column, such as "none of these", may have no row.

    found   [rows, names], rows at most as many as names
    """
    rows = np.maximum(found.sum(axis=1, keepdims=True), 1)
    shares = found / rows
    image = ax.imshow(shares if normalize else found, cmap="Blues", vmin=0)
    if normalize:
        image.set_clim(0, 1)
    places = range(len(names))
    ax.set_xticks(places, names)
    ax.set_yticks(places[: len(found)], names[: len(found)])
    ax.set(xlabel="predicted", ylabel="true")
    long = max(map(len, names)) > 2 and len(names) > 3
    if long:
        ax.tick_params(axis="x", rotation=90)
    figure = ax.figure
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, shrink=0.85)
    if normalize:
        show_as_shares(bar.ax.yaxis)
    if len(names) > _MOST_NUMBERED:
        return
    top = float(image.get_clim()[1] or 1)
    for i in places[: len(found)]:
        for j in places:
            value = shares[i, j] if normalize else found[i, j]
            if found[i, j]:
                ax.text(
                    j, i, f"{100 * value:.0f}" if normalize else f"{value}",
                    ha="center", va="center", fontsize="small",
                    color="white" if value > 0.55 * top else "black",
                )  # fmt: skip
