"""Pictures: what they show, on which axes, and that they need no display."""

import builtins
import subprocess
import sys

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import InvalidArgumentError, MissingPackageError, ShapeError
from neurenix.meta import (
    MAML,
    MLP,
    Evaluation,
    History,
    TaskSampler,
    generate_classification_tasks,
    generate_regression_tasks,
    plot,
)
from neurenix.meta.datasets import Glyphs
from neurenix.meta.drawing import palette
from neurenix.meta.drawing.features import Plane

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def history(losses, half=None):
    found = History()
    for number, loss in enumerate(losses):
        found.append({"loss": loss})
        interval = {} if half is None else {"validation_loss": half[number]}
        found.extend_last({"validation_loss": 2 * loss}, interval)
    return found


def evaluation(values, name="accuracy", bins=None):
    scores = {"loss": 1 - np.asarray(values, float), name: np.asarray(values, float)}
    return Evaluation(scores, None, False, bins)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_a_run_shows_its_columns_and_the_validation_its_interval():
    figure = history([4.0, 2.0, 1.0], half=[0.5, 0.25, 0.1]).plot()
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    shown = lines(ax)
    assert shown["training"].get_ydata().tolist() == [4, 2, 1]
    assert shown["validation"].get_ydata().tolist() == [8, 4, 2]
    assert shown["validation"].get_linestyle() != shown["training"].get_linestyle()
    (band,) = ax.collections
    edge = band.get_paths()[0].vertices
    assert edge[:, 1].max() == 8.5 and edge[:, 1].min() == pytest.approx(1.9)


def test_several_runs_show_the_mean_of_those_that_got_so_far():
    runs = [history([1.0, 3.0]), history([2.0, 5.0]), history([3.0])]
    (ax,) = plot.learning_curves({"a": runs, "b": runs[0]}, ["loss"]).axes
    shown = lines(ax)
    assert shown["a training (3 runs)"].get_ydata().tolist() == [2, 4]
    assert shown["b training"].get_ydata().tolist() == [1, 3]
    (band,) = ax.collections
    edge = band.get_paths()[0].vertices
    half = 1.96 * np.std([3.0, 5.0], ddof=1) / np.sqrt(2)
    assert edge[:, 1].max() == pytest.approx(4 + half)


def test_meta_learn_records_the_intervals_that_are_drawn():
    nx.init({"device": "reference"})
    tasks = generate_regression_tasks(6, 5, seed=0)
    learner = MAML(MLP([1, 4, 1]), inner_steps=1)
    found = learner.meta_learn(
        tasks, epochs=2, tasks_per_batch=3, validation=tasks, progress=False
    )
    result = learner.evaluate(tasks)
    assert found.intervals.keys() == {"validation_loss"}
    assert found.intervals["validation_loss"][1] == result.interval("loss")
    assert np.isfinite(found.intervals["validation_loss"][0])
    nx.init()


def test_adaptation_by_gradient_step():
    found = {"one": evaluation([[0.2, 0.8], [0.4, 1.0]])}
    figure = plot.adaptation_curves(found)
    (ax,) = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gradient steps", "accuracy")
    assert lines(ax)["one"].get_ydata() == pytest.approx([0.3, 0.9])
    assert lines(ax)["one"].get_xdata().tolist() == [0, 1]
    mine = matplotlib.figure.Figure()
    given = mine.subplots()
    assert plot.adaptation_curves(found["one"], "loss", ax=given) is mine
    assert given.get_ylabel() == "loss"


@pytest.mark.parametrize(("values", "x"), [([[0.2, 0.8]] * 3, "gradient steps")])
def test_an_evaluation_with_classes_shows_its_reliability(values, x):
    bins = np.zeros((3, 2, 3, 15))
    bins[:, :, :, 12] = [[[10, 8, 5]]]
    figure = evaluation(values, bins=bins).plot()
    score, reliability = figure.axes
    assert score.get_xlabel() == x
    assert reliability.get_title() == "calibration error 30.0 %"
    heights = [bar.get_height() for bar in reliability.patches]
    assert heights == pytest.approx([0.5, 0.3])


def test_scores_without_steps_are_shown_over_tasks():
    (ax,) = evaluation([[0.2], [0.4], [0.4], [1.0]]).plot().axes
    heights = np.array([bar.get_height() for bar in ax.patches if bar.get_width() > 0])
    assert ax.get_ylabel() == "of 4 tasks"
    assert heights[:5].tolist() == [1, 2, 0, 0, 1]
    assert ax.get_xlim()[1] == 1.0
    assert ax.patches[4].get_bbox().x1 == pytest.approx(1.0)
    assert len(evaluation([[0.5], [0.5]]).plot().axes) == 1


def test_reliability_of_probabilities_is_that_of_their_bins():
    tasks = generate_classification_tasks(4, 3, 4, 6, seed=0)
    nx.init({"device": "reference"})
    learner = MAML(MLP([6, 8, 3]), inner_steps=1)
    result = learner.evaluate(tasks)
    rows, labels = [], []
    for task in tasks:
        adapted = learner.adapt_to_task(task.support_x, task.support_y)
        rows.append(nx.softmax(adapted(task.query_x), axis=1).numpy())
        labels.append(task.query_y.numpy().argmax(axis=1))
    nx.init()
    by_probabilities = plot.reliability_diagram(
        np.concatenate(rows), np.concatenate(labels)
    )
    by_evaluation = plot.reliability_diagram(result)
    assert by_probabilities.axes[0].get_title() == by_evaluation.axes[0].get_title()
    names = np.array(["aitch", "bee", "sea"])
    by_names = plot.reliability_diagram(
        np.concatenate(rows), names[np.concatenate(labels)], classes=names
    )
    assert by_names.axes[0].get_title() == by_evaluation.axes[0].get_title()


def test_a_task_shows_each_class_in_a_row_and_marks_what_is_wrong():
    task = TaskSampler(Glyphs(5, 6), 3, 2, 3, seed=0)[0]
    classes = task.query_y.numpy().copy()
    classes[0] = 2
    figure = plot.task_grid(task, classes, names=["a", "b", "c"])
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 3 * (2 + 3)
    texts = [t.get_text() for ax in figure.axes for t in ax.texts]
    assert texts.count("✗ c") == 1 and not {"✗ a", "✗ b"} & set(texts)
    assert np.array_equal(shown[0].images[0].get_array(), task.support_x.numpy()[0, 0])
    logits = np.eye(3)[classes]
    again = plot.task_grid(task, logits, figure=matplotlib.figure.Figure())
    assert [len(ax.texts) for ax in again.axes] == [len(ax.texts) for ax in figure.axes]


def test_embeddings_lie_on_the_plane_of_most_variance():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 5)) * [3, 2, 0.1, 0.1, 0.1]
    labels = np.arange(30) % 3
    centres = np.stack([points[labels == k].mean(axis=0) for k in range(3)])
    (ax,) = plot.embeddings(points, labels, centres, names="xyz").axes
    placed = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections[:3]])
    assert len(placed) == 30
    centred = points - points.mean(axis=0)
    covariance = np.cov(centred.T)
    largest = np.sort(np.linalg.eigvalsh(covariance))[-2:]
    assert np.sort(placed.var(axis=0, ddof=1)) == pytest.approx(largest)
    mean = placed[:10].mean(axis=0)  # class 0's: the star lies there
    assert np.asarray(ax.collections[3].get_offsets())[0] == pytest.approx(mean)
    assert Plane(points).shares.sum() > 0.95


def test_confusion_counts_rows_by_truth_and_has_none_of_these():
    figure = plot.confusion_matrix(["a", "b", "b", "b"], ["a", "a", None, "b"])
    ax = figure.axes[0]
    assert ax.images[0].get_array().tolist() == [[1, 0, 0], [1, 1, 1]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    shares = plot.confusion_matrix([1, 1, 0], [1, 0, None], normalize=True)
    assert shares.axes[0].images[0].get_array()[1].tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: History().plot(), InvalidArgumentError, "without an epoch"),
        (lambda: history([1.0]).plot(["lost"]), InvalidArgumentError, "'loss', 'val"),
        (lambda: plot.learning_curves([]), InvalidArgumentError, "expected a History"),
        (lambda: plot.learning_curves({"a": 3}), InvalidArgumentError, "a int"),
        (
            lambda: plot.adaptation_curves({"a": 3}),
            InvalidArgumentError,
            "'a' is a int",
        ),
        (lambda: evaluation([[1.0]]).plot("f1"), InvalidArgumentError, "no score 'f1'"),
        (
            lambda: plot.adaptation_curves(evaluation([[1.0]]), ax=3),
            InvalidArgumentError,
            "expected a matplotlib Axes",
        ),
        (
            lambda: plot.reliability_diagram(evaluation([[1.0]])),
            InvalidArgumentError,
            "no probabilities of classes",
        ),
        (
            lambda: plot.reliability_diagram([[2.0, 1.0]], [0]),
            InvalidArgumentError,
            "nx.softmax",
        ),
        (lambda: plot.reliability_diagram([[1.0]], [0, 1]), ShapeError, r"\(2,\)"),
        (
            lambda: plot.reliability_diagram([[1.0, 0.0]], ["aitch"]),
            InvalidArgumentError,
            "'aitch' is no column, .* give classes=",
        ),
        (
            lambda: plot.reliability_diagram([[1.0, 0.0]], [2]),
            InvalidArgumentError,
            "2 is no column, a whole number from 0 to 1",
        ),
        (
            lambda: plot.reliability_diagram([[1.0, 0.0]], ["a"], classes="bc"),
            InvalidArgumentError,
            "'a' is not among the classes 'b', 'c'",
        ),
        (
            lambda: plot.reliability_diagram([[1.0, 0.0]], ["a"], classes=["a"]),
            ShapeError,
            "1 classes for 2 columns",
        ),
        (
            lambda: plot.task_grid((np.ones((2, 3)), [0, 1], np.ones((2, 3)), [0, 1])),
            ShapeError,
            r"support_x of shape \(2, 3\)",
        ),
        (
            lambda: plot.task_grid((np.ones((2, 4, 4)), [0, 1]) * 2, [0, 2]),
            ShapeError,
            "from 0 to 1",
        ),
        (lambda: plot.embeddings([[1.0, 2.0]], [0]), ShapeError, r"\(1, 2\)"),
        (
            lambda: plot.embeddings(np.eye(3), [0, 1, 2], np.eye(2)),
            ShapeError,
            r"expected \[ways, 3\]",
        ),
        (
            lambda: plot.embeddings(np.eye(3), [0, 1, 2], names=["a"]),
            InvalidArgumentError,
            "1 names for 3 classes",
        ),
        (lambda: plot.confusion_matrix([1], [1, 2]), ShapeError, "1 labels and 2"),
        (lambda: plot.confusion_matrix([], []), InvalidArgumentError, "no labels"),
        (
            lambda: plot.confusion_matrix(["a"], ["b"], classes=["a"]),
            InvalidArgumentError,
            "'b' is not among",
        ),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **more):
        if name.partition(".")[0] in ("matplotlib", "pandas"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingPackageError, match=r"neurenix-meta\[plot\]"):
        history([1.0]).plot()
    with pytest.raises(MissingPackageError, match=r"neurenix-meta\[pandas\]"):
        history([1.0]).to_pandas()


def test_nothing_is_imported_before_it_is_used_and_no_display_is_needed():
    program = (
        "import sys, neurenix.meta as meta\n"
        "assert not {'matplotlib', 'pandas'} & sys.modules.keys()\n"
        "history = meta.History()\n"
        "history.append({'loss': 1.0})\n"
        "png = history.plot()._repr_png_()\n"
        "assert png.startswith(b'\\x89PNG') and len(png) > 2000\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"DISPLAY": ""}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def test_colours_are_seen_on_white_and_on_black():
    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        low = parts <= 0.04045
        linear = np.where(low, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    for colour in palette.COLOURS:
        assert luminance("#ffffff") / luminance(colour) >= 3  # WCAG 2.1, 1.4.11
        assert luminance(colour) / luminance("#121212") >= 3
