"""Scores of a classifier on labelled images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import InvalidArgumentError

from ..drawing import confusion
from ..drawing.tables import html_table
from .examples import Label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ClassifierScores:
    """What `Classifier.evaluate` found.

    accuracy    the share of images whose prediction is their label, None among them
    count       how many images there were, without those that were skipped
    rejected    the share of images of known classes that were taken for none of them;
                NaN without any
    accepted    the share of images of none of the classes that were taken for one; NaN
                without any
    log_loss    the mean of −log p of the label, over images of known classes; NaN
                without any
    by_class    the accuracy of each label's images
    pairs       how many images there were of each (label, prediction)
    """

    accuracy: float
    count: int
    rejected: float
    accepted: float
    log_loss: float
    by_class: dict[Label | None, float]
    pairs: dict[tuple[Label | None, Label | None], int] = field(
        default_factory=dict, repr=False
    )

    def plot(self, *, normalize: bool = False, ax: Axes | None = None) -> Figure:
        """Which classes are taken for which: `plot.confusion_matrix` of these images.

        normalize   shares of each row, in percent, instead of counts

        Raises InvalidArgumentError without an image, MissingPackageError without
        matplotlib (the extra `plot`).
        """
        every = [pair for pair, count in self.pairs.items() for _ in range(count)]
        if not every:
            raise InvalidArgumentError("ClassifierScores.plot: there are no images")
        truth, predicted = ([pair[side] for pair in every] for side in (0, 1))
        ordered = confusion.in_order([*truth, *predicted])
        return confusion.of_labels(truth, predicted, ordered, normalize, ax)

    def _repr_html_(self) -> str:
        rows = [
            ["none of these" if label is None else str(label), f"{share:.2%}"]
            for label, share in self.by_class.items()
        ]
        return html_table(["class", "accuracy"], rows, str(self))

    def __str__(self) -> str:
        known = f"accuracy {self.accuracy:.2%} of {self.count} images"
        rejected = f", {self.rejected:.2%} of known ones rejected"
        accepted = f", {self.accepted:.2%} of unknown ones accepted"
        return (
            known
            + (rejected if self.rejected > 0 else "")
            + (accepted if self.accepted == self.accepted else "")
        )


def scores_of(
    classes: Sequence[Label],
    truth: Sequence[Label | None],
    predicted: NDArray[np.object_],
    probabilities: NDArray[np.float64],
) -> ClassifierScores:
    """The scores of predictions [m] and probabilities [m, classes].

    >>> found = scores_of(
    ...     ["a", "b"],
    ...     ["a", "b", None],
    ...     np.array(["a", None, None], object),
    ...     np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]]),
    ... )
    >>> round(found.accuracy, 3), found.rejected, found.accepted
    (0.667, 0.5, 0.0)
    """
    right = np.array([p == t for p, t in zip(predicted, truth)], float)
    none = np.array([p is None for p in predicted], float)
    known = np.array([t is not None for t in truth], bool)
    rows = np.flatnonzero(known)
    columns = [classes.index(label) for label in truth if label is not None]
    with np.errstate(divide="ignore"):
        losses = -np.log(probabilities[rows, columns])
    return ClassifierScores(
        accuracy=_mean(right),
        count=len(truth),
        rejected=_mean(none[known]),
        accepted=_mean(1.0 - none[~known]),
        log_loss=_mean(losses),
        by_class={
            label: _mean(right[[t == label for t in truth]])
            for label in dict.fromkeys(truth)
        },
        pairs=dict(Counter(zip(truth, predicted.tolist()))),
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
