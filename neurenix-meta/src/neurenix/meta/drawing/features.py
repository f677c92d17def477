"""Features of examples in two dimensions: their first principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import palette
from .figures import ink, without_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[np.float64]
_MOST_NAMED = 14


class Plane:
    """The plane of most variance through points [n, d], d ≥ 2.

    shares   of the variance, along each of its two directions

    >>> points = np.array([[0.0, 0, 1], [2, 0, 1], [0, 1, 1], [2, 1, 1]])
    >>> plane = Plane(points)
    >>> plane.shares.round(2).tolist(), np.abs(plane(points[:1])).tolist()
    ([0.8, 0.2], [[1.0, 0.5]])
    """

    def __init__(self, points: Values) -> None:
        self.mean = points.mean(axis=0)
        _, sizes, directions = np.linalg.svd(points - self.mean, full_matrices=False)
        # Of either sign the one whose largest entry is positive: pictures stay alike.
        largest = np.abs(directions[:2]).argmax(axis=1)
        signs = np.sign(directions[[0, 1], largest])
        self.directions = directions[:2] * signs[:, None]
        variance = sizes**2
        self.shares = variance[:2] / max(float(variance.sum()), 1e-300)

    def __call__(self, points: Values) -> Values:
        """Their places on it, [n, 2]."""
        placed: Values = (points - self.mean) @ self.directions.T
        return placed


def scatter(
    ax: Axes,
    points: Values,
    classes: NDArray[np.int64],
    names: Sequence[str],
    prototypes: Values | None,
) -> None:
    """Points by class on the plane of most variance, and each class's prototype."""
    plane = Plane(points)
    placed = plane(points)
    for number, name in enumerate(names):
        mine = placed[classes == number]
        ax.scatter(
            mine[:, 0], mine[:, 1], s=22, alpha=0.8, linewidths=0,
            color=palette.colour(number), marker=palette.marker(number), label=name,
        )  # fmt: skip
    if prototypes is not None:
        for number, (x, y) in enumerate(plane(prototypes)):
            ax.scatter(
                x, y, s=200, marker="*", color=palette.colour(number),
                edgecolors=ink(), linewidths=1.2, zorder=3,
            )  # fmt: skip
        ax.scatter(
            [], [], s=110, marker="*", color="none", edgecolors=ink(), label="prototype"
        )
    first, second = (f"{100 * share:.0f} %" for share in plane.shares)
    ax.set(
        xlabel=f"first principal component ({first} of the variance)",
        ylabel=f"second ({second})",
    )
    without_frame(ax)
    if len(names) <= _MOST_NAMED:
        ax.legend(
            frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5)
        )
