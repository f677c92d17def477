"""KeepBest: which weights it keeps, what it says, and going on from a checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import FileFormatError, InvalidArgumentError
from neurenix.meta import MAML, MLP, Callback, KeepBest, generate_regression_tasks


class Record(Callback):
    """Scores that a test makes up, and the weights they were given to."""

    def __init__(self, scores):
        self.scores, self.weights = scores, {}

    def on_epoch_end(self, learner, event):
        event.metrics["score"] = self.scores[event.epoch - 1]
        self.weights[event.epoch] = weights(learner)


def weights(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


def train(scores, best, learner=None, **options):
    nx.manual_seed(0)
    learner = MAML(MLP([1, 8, 1]), inner_steps=1) if learner is None else learner
    record = Record(scores)
    learner.meta_learn(
        generate_regression_tasks(8, 5, seed=0),
        epochs=len(scores),
        callbacks=[record, best],
        progress=False,
        **options,
    )
    return learner, record


@pytest.mark.parametrize(
    ("largest", "epoch"), [(True, 2), (False, 3)], ids=["largest", "smallest"]
)
def test_the_best_epoch_is_kept(largest, epoch, tmp_path, compiled_device):
    """The first of equal ones."""
    best = KeepBest(tmp_path / "best.safetensors", "score", largest=largest)
    learner, record = train([0.5, 0.9, 0.1, 0.9, 0.1], best)
    assert best.epoch == epoch
    stored = json.loads((tmp_path / "best.safetensors.json").read_text())
    assert stored == {"epoch": epoch, "score": best.value}
    learner.load(best.path)
    for name, value in weights(learner).items():
        assert np.array_equal(value, record.weights[epoch][name]), name


@pytest.mark.parametrize("known", [True, False], ids=["now", "checkpoints of before"])
def test_a_run_that_goes_on_compares_with_what_was_before(
    known, tmp_path, monkeypatch, compiled_device
):
    if not known:
        monkeypatch.setattr(KeepBest, "state_dict", Callback.state_dict)
    path, scores = tmp_path / "best.safetensors", [0.5, 0.9, 0.7, 0.8]
    folder = tmp_path / "checkpoints"

    class Stop(Exception):
        pass

    class Killed(Record):
        def on_epoch_start(self, learner, event):
            if event.epoch == 4:
                raise Stop

    nx.manual_seed(0)
    tasks = generate_regression_tasks(8, 5, seed=0)
    with pytest.raises(Stop):
        MAML(MLP([1, 8, 1]), inner_steps=1).meta_learn(
            tasks, epochs=4, progress=False, checkpoint=folder,
            callbacks=[Killed(scores), KeepBest(path, "score", largest=True)],
        )  # fmt: skip
    again = KeepBest(path, "score", largest=True)
    train(scores, again, checkpoint=folder)
    assert (again.epoch, again.value) == (2, 0.9)

    if not known:
        path.with_name("best.safetensors.json").write_text("{")
        with pytest.raises(FileFormatError, match="hold an epoch and its 'score'"):
            train([*scores, 0.6], KeepBest(path, "score"), checkpoint=folder)


def test_a_run_with_nothing_left_to_do_knows_its_best(tmp_path, compiled_device):
    path, scores = tmp_path / "best.safetensors", [0.5, 0.9, 0.7]
    folder = tmp_path / "checkpoints"
    train(scores, KeepBest(path, "score", largest=True), checkpoint=folder)
    again = KeepBest(path, "score", largest=True)
    train(scores, again, checkpoint=folder)
    assert (again.epoch, again.value) == (2, 0.9)
    elsewhere = KeepBest(tmp_path / "other.safetensors", "score", largest=True)
    train(scores, elsewhere, checkpoint=folder)
    assert elsewhere.epoch == 0  # there is no file with those weights


def test_a_score_that_is_not_there(tmp_path, compiled_device):
    best = KeepBest(tmp_path / "best.safetensors", "validation_accuracy")
    with pytest.raises(InvalidArgumentError, match="no 'validation_accuracy' in"):
        train([0.5], best)
    assert not best.path.exists()
