"""A task of images: its support set, and queries with what they were taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import palette
from .figures import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Array = NDArray[Any]


def pictures(x: Array) -> Array:
    """Images [n, h, w] or [n, h, w, 3] of arrays [n, h, w], [n, 1, h, w] or
    [n, 3, h, w]."""
    if x.ndim == 3:
        return x
    return x[:, 0] if x.shape[1] == 1 else np.moveaxis(x, 1, -1)


def grid(
    figure: Figure | SubFigure,
    support: tuple[Array, Array],
    query: tuple[Array, Array],
    predicted: NDArray[np.int64] | None,
    names: Sequence[str],
    shots: int,
    queries: int,
) -> None:
    """A row a class: up to `shots` of its examples, then up to `queries` queries.

    support, query   images as `pictures` gives them, and class numbers
    predicted        the queries' classes, as numbers; None: they are not marked
    """
    (images, classes), (asked, wanted) = support, query
    low, high = float(images.min()), float(images.max())
    shots = min(shots, int(np.bincount(classes).max()))
    queries = min(queries, int(np.bincount(wanted).max()))
    widths = [*[1.0] * shots, 0.25, *[1.0] * queries]
    axes = figure.subplots(
        len(names), len(widths), squeeze=False,
        gridspec_kw={"width_ratios": widths, "wspace": 0.06, "hspace": 0.08},
    )  # fmt: skip
    for number, name in enumerate(names):
        row = axes[number]
        for ax in row:
            ax.set_axis_off()
        mine = np.flatnonzero(classes == number)[:shots]
        for ax, place in zip(row, mine):
            _show(ax, images[place], low, high)
        row[0].text(
            -0.12, 0.5, name, transform=row[0].transAxes, ha="right", va="center",
            color=ink(), fontsize="small",
        )  # fmt: skip
        asked_here = np.flatnonzero(wanted == number)[:queries]
        for ax, place in zip(row[shots + 1 :], asked_here):
            _show(ax, asked[place], low, high)
            if predicted is not None:
                taken_for = int(predicted[place])
                _mark(ax, names[taken_for], taken_for == number)
    room = queries > 3 and predicted is not None
    title = "queries, and what they are taken for" if room else "queries"
    for ax, text in ((axes[0, 0], "support"), (axes[0, shots + 1], title)):
        heading = ax.text(
            0, 1.1, text, transform=ax.transAxes, color=ink(), fontsize="small"
        )
        heading.set_in_layout(False)  # a column would become as wide as the text
    figure.suptitle(" ", fontsize="x-small")  # room for them


def _show(ax: Axes, image: Array, low: float, high: float) -> None:
    ax.set_axis_on()
    if image.ndim == 3:
        image = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    ax.imshow(image, cmap="gray", vmin=low, vmax=high)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(color=palette.GREY, linewidth=0.8)


def _mark(ax: Axes, name: str, is_right: bool) -> None:
    """A frame and a sign that says right or wrong, also without colour."""
    colour = palette.BLUE if is_right else palette.VERMILLION
    for spine in ax.spines.values():
        spine.set(color=colour, linewidth=2.2, linestyle="-" if is_right else ":")
    if not is_right:
        ax.text(
            0.05, 0.06, f"✗ {name}", transform=ax.transAxes, fontsize="x-small",
            color=colour, weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
        )  # fmt: skip
