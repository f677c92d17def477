"""Pictures of training, of results and of tasks (the extra `plot`: matplotlib).

Each function gives the matplotlib `Figure` that it drew on: `figure.savefig("a.png")`
writes it, a notebook shows it. No display is needed, and pyplot hears of nothing.
`ax=` draws on axes of one's own. Colours are told apart without colour vision, and
matplotlib's styles hold: `with matplotlib.style.context("dark_background"): …`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError, ShapeError

from .drawing import confusion, curves, features, grid, reliability
from .drawing.figures import axes_of, figure_of, need_matplotlib, new_figure
from .evaluation.calibration import expected_calibration_error
from .evaluation.result import Evaluation
from .tasks.targets import class_numbers
from .tasks.task import Given, Task
from .training.history import History
from .wording import in_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = [
    "adaptation_curves",
    "confusion_matrix",
    "embeddings",
    "learning_curves",
    "reliability_diagram",
    "task_grid",
]

Runs: TypeAlias = "History | Sequence[History]"
Values = NDArray[np.float64]


def learning_curves(
    runs: Runs | Mapping[str, Runs], names: Sequence[str] | None = None
) -> Figure:
    """Loss and metrics by epoch, a panel each; training dashed, validation solid.

    runs    a history; several of one setting (other seeds), of which the mean over
            those that got so far is drawn; or a dict of either by label
    names   columns to draw; None: all

    Bands are 95 % intervals: of several runs, of their mean over the runs; of one, of
    the validation's mean over its tasks (`History.intervals`).

    Raises InvalidArgumentError for what are no histories, for histories without an
    epoch, and for a column that none has.

    >>> history = History()
    >>> for loss in (0.9, 0.5, 0.4):
    ...     history.append({"loss": loss})
    >>> learning_curves({"MAML": history}).axes[0].get_xlabel()
    'epoch'
    """
    named = _groups(runs)
    return curves.learning(named, names)


def _groups(runs: Runs | Mapping[str, Runs]) -> dict[str, list[History]]:
    if isinstance(runs, Mapping) and not isinstance(runs, History):
        groups = {str(label): _group(group) for label, group in runs.items()}
    else:
        groups = {"": _group(runs)}
    if not groups:
        raise InvalidArgumentError("learning_curves: no histories")
    return groups


def _group(found: object) -> list[History]:
    group = [found] if isinstance(found, History) else found
    if isinstance(group, (list, tuple)) and group:
        runs = [run for run in group if isinstance(run, History)]
        if len(runs) == len(group):
            return runs
    raise InvalidArgumentError(
        f"learning_curves: {in_words(found)}; expected a History as meta_learn returns "
        "it, a list of them, or a dict of either by label"
    )


def adaptation_curves(
    evaluations: Evaluation | Mapping[str, Evaluation],
    name: str | None = None,
    *,
    ax: Axes | None = None,
) -> Figure:
    """A score's mean over tasks, before adaptation and after each gradient step, with
    its 95 % interval.

    evaluations   one, or a dict of them by label
    name          which score; None: "accuracy" where all have it, else "loss"

    Raises InvalidArgumentError for what are no evaluations, and for a score that one
    lacks.

    >>> losses = np.array([[2.0, 1.0], [4.0, 2.0]])
    >>> figure = adaptation_curves({"MAML": Evaluation({"loss": losses}, None, False)})
    >>> figure.axes[0].get_xlabel()
    'gradient steps'
    """
    if isinstance(evaluations, Evaluation):
        evaluations = {"": evaluations}
    if not isinstance(evaluations, Mapping) or not evaluations:
        raise InvalidArgumentError(
            f"adaptation_curves: {in_words(evaluations)}; expected an Evaluation as "
            "learner.evaluate returns it, or a dict of them by label"
        )
    for label, found in evaluations.items():
        if not isinstance(found, Evaluation):
            raise InvalidArgumentError(
                f"adaptation_curves: {label!r} is {in_words(found)}; expected an "
                "Evaluation"
            )
    if name is None:
        every = all("accuracy" in found.scores for found in evaluations.values())
        name = "accuracy" if every else "loss"
    shown = {
        str(label): found.curve_with_intervals(name)
        for label, found in evaluations.items()
    }
    ax = axes_of(ax)
    curves.adaptation(ax, shown, name)
    return figure_of(ax)


def task_grid(
    task: Task | tuple[Given, Given, Given, Given],
    predictions: Given | None = None,
    *,
    names: Sequence[str] | None = None,
    shots: int = 5,
    queries: int = 8,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """A task of images, a row a class: its support set, and queries with what they are
    taken for. A wrong one has a dotted frame, and says for which class.

    task          images [n, h, w] or [n, c, h, w], c 1 or 3, and labels, numbers from 0
                  or one-hot
    predictions   of the queries: class numbers [m], or logits or probabilities
                  [m, ways]; None: queries are not marked
    names         of the classes; None: their numbers
    shots, queries
                  how many of each class are shown at most
    figure        to draw on; None: a new one

    Raises ShapeError for what are no images and for predictions of other queries;
    InvalidArgumentError for another number of names.

    >>> x, y = np.zeros((2, 1, 8, 8)), np.arange(2)
    >>> len(task_grid((x, y, x, y), np.eye(2)).axes)
    6
    """
    support_x, support_y, query_x, query_y = task
    ways = 0
    sets = []
    for name, x, y in (("support", support_x, support_y), ("query", query_x, query_y)):
        classes, _ = class_numbers(f"{name}_y", np.asarray(y))
        images = np.asarray(x)
        is_image = images.ndim == 3 or (images.ndim == 4 and images.shape[1] in (1, 3))
        if not is_image or len(images) != len(classes):
            raise ShapeError(
                f"task_grid: {name}_x of shape {images.shape} with {len(classes)} "
                "labels; expected images [n, h, w], [n, 1, h, w] or [n, 3, h, w], with "
                "a label each"
            )
        ways = max(ways, int(classes.max()) + 1)
        sets.append((grid.pictures(images), classes))
    given = None if predictions is None else _predicted(predictions, sets[1][1], ways)
    called = _names("task_grid", names, ways)
    count = whole("task_grid", "shots", shots, 1)
    asked = whole("task_grid", "queries", queries, 1)
    if figure is None:
        rows = [np.bincount(classes).max() for _, classes in sets]
        columns = min(count, int(rows[0])) + min(asked, int(rows[1]))
        figure = new_figure(0.75 * columns + 1.2, 0.85 * ways + 0.5)
    else:
        need_matplotlib()
    grid.grid(figure, sets[0], sets[1], given, called, count, asked)
    return figure


def _predicted(given: Given, wanted: NDArray[Any], ways: int) -> NDArray[np.int64]:
    found = np.asarray(given)
    if found.ndim == 2 and found.shape[1] == ways:
        found = found.argmax(axis=1)
    fits = found.shape == wanted.shape and found.dtype.kind in "iu"
    if not fits or (found.size and not 0 <= found.min() <= found.max() < ways):
        raise ShapeError(
            f"task_grid: predictions of shape {np.asarray(given).shape}; expected "
            f"class numbers [{len(wanted)}] from 0 to {ways - 1}, or logits "
            f"[{len(wanted)}, {ways}]"
        )
    return found.astype(np.int64)


def _names(function: str, names: Sequence[str] | None, ways: int) -> list[str]:
    called = list(map(str, range(ways) if names is None else names))
    if len(called) < ways:
        raise InvalidArgumentError(
            f"{function}: {len(called)} names for {ways} classes"
        )
    return called[:ways]


def embeddings(
    points: Given,
    labels: Given,
    prototypes: Given | None = None,
    *,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Features of examples in two dimensions, by class, with the classes' prototypes.

    points       features [n, d], n and d at least 2: what an embedding gives
    labels       class numbers [n] from 0, or one-hot rows
    prototypes   [ways, d], or None. Of Prototypical Networks
                 `learner.adapt_to_task(x, y).fitted["prototypes"].value()`
    names        of the classes; None: their numbers

    The plane is that of most variance: the first two principal components of the
    points, by the singular values of what is left without their mean. Distances in it
    are at most those between the features.

    Raises ShapeError where shapes do not go together, InvalidArgumentError for another
    number of names.

    >>> rng = np.random.default_rng(0)
    >>> embeddings(rng.normal(size=(6, 4)), [0, 0, 0, 1, 1, 1]).axes[0].get_ylabel()[:6]
    'second'
    """
    placed = np.asarray(points, np.float64)
    classes, _ = class_numbers("labels", np.asarray(labels))
    if placed.ndim != 2 or min(placed.shape) < 2 or len(placed) != len(classes):
        raise ShapeError(
            f"embeddings: points of shape {placed.shape} with {len(classes)} labels; "
            "expected [n, d], n and d at least 2, with a label each"
        )
    ways = int(classes.max()) + 1
    centres = None if prototypes is None else np.asarray(prototypes, np.float64)
    if centres is not None:
        if centres.ndim != 2 or centres.shape[1] != placed.shape[1]:
            raise ShapeError(
                f"embeddings: prototypes of shape {centres.shape} beside points of "
                f"shape {placed.shape}; expected [ways, {placed.shape[1]}]"
            )
        ways = max(ways, len(centres))
    called = _names("embeddings", names, ways)
    ax = axes_of(ax, 5.6, 3.8)
    features.scatter(ax, placed, classes.astype(np.int64), called, centres)
    return figure_of(ax)


def confusion_matrix(
    truth: Sequence[Any] | NDArray[Any],
    predicted: Sequence[Any] | NDArray[Any],
    *,
    classes: Sequence[Any] | None = None,
    normalize: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """How often each class is taken for each: a row a true class, a column a predicted.

    truth, predicted   labels [n], texts or whole numbers; None, as a `Classifier` with
                       a threshold says, is "none of these"
    classes            which, in this order; None: all that there are, sorted
    normalize          shares of each row, in percent, instead of counts

    Raises ShapeError for other numbers of labels; InvalidArgumentError for none, and
    for a label that is not among the classes.

    >>> figure = confusion_matrix(["a", "b", "b"], ["a", None, "b"])
    >>> [text.get_text() for text in figure.axes[0].get_xticklabels()]
    ['a', 'b', 'none of these']
    """
    wanted, given = (np.asarray(x, object).tolist() for x in (truth, predicted))
    if len(wanted) != len(given):
        raise ShapeError(
            f"confusion_matrix: {len(wanted)} labels and {len(given)} predictions"
        )
    if not wanted:
        raise InvalidArgumentError("confusion_matrix: no labels")
    there = dict.fromkeys([*wanted, *given])
    ordered = confusion.in_order(there)
    if classes is not None:
        ordered = [x for x in np.asarray(classes, object).tolist() if x is not None]
        ordered += [None] * (None in there)
    unknown = [label for label in there if label not in ordered]
    if unknown:
        raise InvalidArgumentError(
            f"confusion_matrix: the label {unknown[0]!r} is not among the classes "
            f"{', '.join(map(repr, ordered))}"
        )
    return confusion.of_labels(wanted, given, ordered, normalize, ax)


def reliability_diagram(
    found: Evaluation | Given,
    labels: Given | None = None,
    *,
    classes: Sequence[Any] | None = None,
    step: int = -1,
    ax: Axes | None = None,
) -> Figure:
    """How often predictions of each confidence are right: 15 bins of equal width of the
    largest probability; on the diagonal they are right as often as they say. Below it,
    the share of queries in each bin.

    found    an Evaluation of classes (its queries are pooled over the tasks), or
             probabilities [n, classes] as `predict_proba` gives them
    labels   of probabilities: what is right, [n]; the numbers of columns, or with
             classes= names
    classes  the label of each column, as `classifier.classes_` has them
    step     of an Evaluation: after which step of adaptation

    Guo et al. 2017, arXiv:1706.04599, figure 1.

    Raises InvalidArgumentError for an Evaluation without classes, for what are no
    probabilities, and for a label that is no column or not among the classes;
    ShapeError for another number of labels or classes.

    >>> figure = reliability_diagram(np.array([[0.9, 0.1], [0.4, 0.6]]), [0, 0])
    >>> figure.axes[0].get_title()
    'calibration error 35.0 %'
    >>> figure = reliability_diagram(
    ...     np.array([[0.9, 0.1], [0.4, 0.6]]), ["a", "b"], classes=["a", "b"]
    ... )
    """
    if isinstance(found, Evaluation):
        bins = found.confidence_bins(step)
        if bins is None or labels is not None or classes is not None:
            raise InvalidArgumentError(
                "reliability_diagram: "
                + (
                    "this evaluation has no probabilities of classes"
                    if bins is None
                    else "labels and classes belong to probabilities, and this is an "
                    "Evaluation"
                )
            )
    else:
        bins = _bins(found, labels, classes)
    error = expected_calibration_error(bins)
    if math.isnan(error):
        raise InvalidArgumentError("reliability_diagram: there are no predictions")
    ax = axes_of(ax, 4.2, 4.6)
    reliability.diagram(ax, bins, error)
    return figure_of(ax)


def _bins(given: Given, labels: Given | None, classes: Sequence[Any] | None) -> Values:
    probabilities = np.asarray(given, np.float64)
    right = np.asarray([] if labels is None else labels)
    if probabilities.ndim != 2 or right.shape != probabilities.shape[:1]:
        raise ShapeError(
            f"reliability_diagram: probabilities of shape {probabilities.shape} and "
            f"labels of shape {right.shape}; expected [n, classes] and [n]"
        )
    if probabilities.size and (
        not probabilities.min() >= 0 or abs(probabilities.sum(axis=1) - 1).max() > 1e-3
    ):
        raise InvalidArgumentError(
            "reliability_diagram: rows that are no probabilities: they must be 0 or "
            "more and sum to 1; nx.softmax makes such of logits"
        )
    return reliability.bins_of(
        probabilities, _columns(right, probabilities.shape[1], classes)
    )


def _columns(
    labels: NDArray[Any], count: int, classes: Sequence[Any] | None
) -> NDArray[np.int64]:
    """The column of each label: itself, or its place among the classes."""
    here = range(count) if classes is None else np.asarray(classes, object).tolist()
    if len(here) != count:
        raise ShapeError(
            f"reliability_diagram: {len(here)} classes for {count} columns of "
            "probabilities"
        )
    place = {label: column for column, label in enumerate(here)}
    unknown = [label for label in labels.tolist() if label not in place]
    if unknown:
        raise InvalidArgumentError(
            f"reliability_diagram: the label {unknown[0]!r} is "
            + (
                f"no column, a whole number from 0 to {count - 1}; for names give "
                "classes=classifier.classes_"
                if classes is None
                else f"not among the classes {', '.join(map(repr, here))}"
            )
        )
    return np.array([place[label] for label in labels.tolist()], np.int64)
