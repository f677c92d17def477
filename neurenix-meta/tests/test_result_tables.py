"""Results as data frames and as HTML."""

from dataclasses import replace

import numpy as np
import pytest

from neurenix.errors import InvalidArgumentError
from neurenix.meta import Comparison, Evaluation, History
from neurenix.meta.classification.scores import scores_of


def history():
    found = History()
    for loss in (0.5, 0.25):
        found.append({"loss": loss})
    found.extend_last({"validation_loss": 0.75}, {"validation_loss": 0.125})
    return found


def test_a_history_as_a_data_frame():
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = history().to_pandas()
    assert frame.index.name == "epoch" and frame.index.tolist() == [1, 2]
    assert frame.loc[2].to_dict() == {
        "loss": 0.25,
        "validation_loss": 0.75,
        "validation_loss_interval": 0.125,
    }
    assert np.isnan(frame.loc[1, "validation_loss"])


def test_an_evaluation_as_a_data_frame_has_a_row_for_each_task_and_step():
    pytest.importorskip("pandas", reason="pandas is not installed")
    losses = np.array([[2.0, 1.0], [4.0, np.nan]])
    frame = Evaluation({"loss": losses}, None, False).to_pandas()
    assert frame.index.names == ["task", "step"]
    assert frame.loc[(0, 1), "loss"] == 1 and np.isnan(frame.loc[(1, 1), "loss"])
    assert frame["loss"].to_numpy().reshape(2, 2)[1, 0] == 4


def test_intervals_follow_the_epochs():
    found = history()
    found.append({"loss": 0.1})
    assert found.intervals["validation_loss"][1:2] == [0.125]
    assert [np.isnan(x) for x in found.intervals["validation_loss"]] == [1, 0, 1]
    again = History.of(dict(found), found.epochs, found.intervals)
    again.append({"loss": 0.0})
    assert len(found.intervals["validation_loss"]) == 3, "a copy of its own"


def test_html_has_the_same_numbers_as_the_text():
    html = history()._repr_html_()
    assert "<th>validation_loss</th>" in html and "<td>0.75</td>" in html
    assert html.count("<tr>") == 3
    assert "no epoch yet" in History()._repr_html_()
    result = Evaluation({"loss": np.array([[2.0, 1.0], [4.0, 2.0]])}, None, False)
    assert (
        result._repr_html_().count("<tr>") == 3 and str(result) in result._repr_html_()
    )
    found = Comparison("accuracy", np.array([0.2, 0.0]), 0)
    assert "<td>+0.1</td>" in found._repr_html_()


def test_a_classifiers_scores_show_their_confusion_matrix():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    scores = scores_of(
        ["a", "b"],
        ["a", "b", "b", "b"],
        np.array(["a", "a", None, "b"], object),
        np.full((4, 2), 0.5),
    )
    ax = scores.plot().axes[0]
    assert ax.images[0].get_array().tolist() == [[1, 0, 0], [1, 1, 1]]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "none of these"]
    shares = scores.plot(normalize=True).axes[0].images[0].get_array()
    assert shares[0].tolist() == [1, 0, 0]
    with pytest.raises(InvalidArgumentError, match="no images"):
        replace(scores, pairs={}).plot()


def test_names_are_escaped():
    scores = scores_of(
        ["<b>"], ["<b>", None], np.array(["<b>", "<b>"], object), np.ones((2, 1))
    )
    html = scores._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html and "none of these" in html
