"""EarlyStopping, CSVLogger and TensorBoardLogger: what they do, and going on."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import neurenix as nx
from neurenix.errors import (
    CallError,
    FileFormatError,
    InvalidArgumentError,
    MissingPackageError,
)
from neurenix.meta import (
    MAML,
    MLP,
    Callback,
    CSVLogger,
    EarlyStopping,
    KeepBest,
    TensorBoardLogger,
    generate_regression_tasks,
)
from neurenix.meta.training import tensorboard_logger

TASKS = generate_regression_tasks(8, 5, seed=0)


class Scores(Callback):
    """Scores that a test makes up, and the weights they were given to."""

    def __init__(self, scores):
        self.scores, self.weights = scores, {}

    def on_epoch_end(self, learner, event):
        event.metrics["score"] = self.scores[event.epoch - 1]
        self.weights[event.epoch] = weights(learner)


class Crash(Callback):
    """A crash after so many events of steps."""

    def __init__(self, calls):
        self.calls = calls

    def on_step_end(self, learner, event):
        self.calls -= 1
        if not self.calls:
            raise RuntimeError("crash")


def weights(learner):
    return {n: p.numpy().copy() for n, p in learner.named_parameters()}


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one | other)


def train(callbacks, epochs=6, **options):
    nx.manual_seed(0)
    learner = MAML(MLP([1, 8, 1]), inner_steps=1)
    history = learner.meta_learn(
        TASKS, epochs=epochs, callbacks=callbacks, progress=False, **options
    )
    return learner, history


# scores, options → the epoch after which it ends (0: not), the best one
STOPS = {
    "never": ([3, 2, 1, 0, -1, -2], {}, 0, 6),
    "worse": ([1, 2, 3, 0, 0, 0], {"patience": 2}, 3, 1),
    "equal is no better": ([1, 1, 1, 1, 0, 0], {"patience": 3}, 4, 1),
    "better in time": ([3, 4, 2, 4, 4, 0], {"patience": 2}, 5, 3),
    "large is good": ([3, 4, 2, 1, 0, 0], {"patience": 2, "largest": True}, 4, 2),
    "too little": ([1, 0.9, 0.8, 0, 0, 0], {"patience": 2, "min_delta": 0.5}, 3, 1),
    "NaN is no better": ([1, float("nan"), 0, 0, 0, 0], {"patience": 1}, 2, 1),
}


@pytest.mark.parametrize("case", STOPS)
def test_when_training_ends(case, compiled_device):
    scores, options, stopped, best = STOPS[case]
    early = EarlyStopping("score", **options)
    _, history = train([Scores(scores), early])
    assert (early.stopped_epoch, early.epoch) == (stopped, best)
    assert history.interrupted == bool(stopped)
    assert history.epochs == (stopped or 6)


def test_the_best_values_are_given_back(compiled_device):
    scores = Scores([2, 1, 3, 4, 5, 6])
    early = EarlyStopping("score", patience=2, restore_best=True)
    learner, _ = train([scores, early])
    assert early.stopped_epoch == 4 and same(weights(learner), scores.weights[2])


def test_what_comes_behind_it_hears_of_a_whole_epoch(tmp_path, compiled_device):
    """KeepBest and CSVLogger have the epoch in which it ended training."""
    early = EarlyStopping("score", patience=1, largest=True)
    best = KeepBest(tmp_path / "best", "score")
    log = CSVLogger(tmp_path / "log.csv")
    train([Scores([2, 1, 9, 9, 9, 9]), early, best, log])
    assert early.stopped_epoch == 2 and best.epoch == 2  # the smallest
    assert len(rows(tmp_path / "log.csv")) == 2


@pytest.mark.parametrize("crash", [1, 3, 4, 7])
def test_a_run_that_goes_on_does_the_same(crash, tmp_path, compiled_device):
    """Killed within an epoch or after one: weights, history and log to the bit."""
    scores = [3.0, 2.0, 2.5, 2.25, 1.0, 1.0]

    def callbacks(name):
        early = EarlyStopping("score", patience=2, restore_best=True)
        return [Scores(scores), early, CSVLogger(tmp_path / name)]

    plain = callbacks("plain.csv")
    learner, history = train(plain)
    assert plain[1].stopped_epoch == 4
    folder = {"checkpoint": tmp_path / "run", "checkpoint_every": 1}
    with pytest.raises(RuntimeError, match="crash"):
        train([*callbacks("log.csv"), Crash(crash)], **folder)
    for _ in range(2):  # the second time there is nothing left to do
        again = callbacks("log.csv")
        resumed, history_again = train(again, **folder)
        assert again[1].state_dict().keys() == plain[1].state_dict().keys()
        assert again[1].stopped_epoch == 4 and history_again.interrupted
        assert dict(history_again) == dict(history)
        assert same(weights(resumed), weights(learner))
        written = [(tmp_path / name).read_text() for name in ("plain.csv", "log.csv")]
        assert written[0] == written[1]


def test_two_of_a_class_keep_their_states(tmp_path, compiled_device):
    def made():
        return [EarlyStopping("loss", patience=n) for n in (7, 9)]

    first = made()
    train(first, epochs=2, checkpoint=tmp_path)
    second = made()
    second[1].load_state_dict({**first[1].state_dict(), "waited": 5})
    train(second, epochs=2, checkpoint=tmp_path)  # states come from the checkpoint
    assert [c.state_dict() for c in second] == [c.state_dict() for c in first]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_file_has_the_history(tmp_path, compiled_device):
    path = tmp_path / "log.csv"
    path.write_text("of another run")  # a new run replaces it
    _, history = train([CSVLogger(path)], epochs=3, validation=TASKS[:2])
    found = rows(path)
    assert list(found[0]) == ["epoch", "step", "loss", "validation_loss"]
    for name in history:
        assert [float(row[name]) for row in found] == history[name]
    assert [(row["epoch"], row["step"]) for row in found] == [
        ("1", "2"), ("2", "4"), ("3", "6")
    ]  # fmt: skip


def test_a_file_that_is_no_history_is_left_alone(tmp_path, compiled_device):
    path = tmp_path / "log.csv"
    train([CSVLogger(path)], epochs=1, checkpoint=tmp_path / "run")
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="no history that CSVLogger wrote"):
        train([CSVLogger(path)], epochs=2, checkpoint=tmp_path / "run")
    assert path.read_text() == "a,b\n1,2\n"


def test_what_tensorboard_reads(tmp_path, compiled_device):
    """Also of a run that was killed after its last checkpoint, and went on."""
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed",
    )
    folder = {"checkpoint": tmp_path / "run", "tasks_per_batch": 2}
    with pytest.raises(RuntimeError, match="crash"):
        train([TensorBoardLogger(tmp_path / "tb", every=1), Crash(6)], 3, **folder)
    log = TensorBoardLogger(tmp_path / "tb", every=1)
    _, history = train([log], 3, **folder)
    read = events.EventAccumulator(str(tmp_path / "tb"))
    read.Reload()
    curve = [(e.step, e.value) for e in read.Scalars("loss")]
    assert curve == [
        (4 * (i + 1), np.float32(x)) for i, x in enumerate(history["loss"])
    ]
    assert [e.step for e in read.Scalars("step/loss")] == list(range(1, 13))


def test_without_tensorboardx(monkeypatch, tmp_path, compiled_device):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(MissingPackageError, match=r"neurenix-meta\[tensorboard\]"):
        tensorboard_logger._writer()


REFUSED = {
    "a score that is not there": (
        lambda: EarlyStopping("validation_los"), InvalidArgumentError,
        "EarlyStopping: no 'validation_los' in this epoch's row; there are: 'loss'",
    ),
    "no name": (lambda: EarlyStopping(3), InvalidArgumentError, "score=3"),
    "patience": (
        lambda: EarlyStopping(patience=0), InvalidArgumentError, "patience=0"
    ),
    "min_delta": (
        lambda: EarlyStopping(min_delta=-1), InvalidArgumentError, "min_delta=-1"
    ),
    "Keras's word": (
        lambda: EarlyStopping(monitor="loss"), CallError, "did you mean 'score'"
    ),
    "a path": (lambda: CSVLogger(""), InvalidArgumentError, "CSVLogger: expected a p"),
    "every": (
        lambda: TensorBoardLogger("a", every=0), InvalidArgumentError, "every=0"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case, compiled_device):
    make, error, text = REFUSED[case]
    with pytest.raises(error) as caught:
        train([make()], epochs=1)
    assert text in str(caught.value)
