"""Checkpoints: a run that goes on is the run that never stopped, to the bit."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import (
    FileFormatError,
    InvalidArgumentError,
    NonFiniteError,
    ShapeError,
    StorageError,
)
from neurenix.meta import (
    MAML,
    MLP,
    Callback,
    MAMLPlusPlus,
    PrototypicalNetworks,
    Reptile,
    TaskSampler,
    generate_regression_tasks,
)
from neurenix.meta.datasets import Glyphs

TASKS = generate_regression_tasks(14, 5, seed=0) + generate_regression_tasks(
    5, 4, seed=1
)
EPOCHS = 3


class StopAt(Callback):
    """Ends training after a number of calls' ends."""

    def __init__(self, calls):
        self.left = calls

    def on_step_end(self, learner, event):
        self.left -= 1
        if not self.left:
            event.stop()


class Crash(StopAt):
    """Leaves training as a process does that dies: nothing more is written."""

    def on_step_end(self, learner, event):
        self.left -= 1
        if not self.left:
            raise RuntimeError("crash")


def regression(seed=0):
    nx.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 1))
    learner = MAML(net, inner_steps=2)
    optimizer = optim.Adam(learner.parameters(), lr=0.01)
    schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
    return learner, optimizer, schedule


def glyphs(seed=0):
    nx.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2),
        nn.BatchNorm2d(4, mode="running"),
        nn.Dropout(0.3, generator=nx.Generator(7)),
        nn.Flatten(),
    )
    learner = PrototypicalNetworks(net)
    optimizer = optim.SGD(learner.parameters(), lr=0.01, momentum=0.9)
    return learner, optimizer, None


def sampler():
    return TaskSampler(Glyphs(classes=8), ways=3, shots=1, queries=2, seed=0)


def train(made, tasks=TASKS, **settings):
    learner, optimizer, schedule = made
    history = learner.meta_learn(
        tasks,
        optimizer,
        settings.pop("epochs", EPOCHS),
        3,
        schedule=schedule,
        progress=False,
        **settings,
    )
    return history, state(made), nx.random.state_dict()


def state(made):
    learner, optimizer, schedule = made
    values = {**learner.state_dict(), **optimizer.state_dict()}
    found = {name: np.array(x.numpy()) for name, x in values.items()}
    return found, None if schedule is None else schedule.state_dict()


def assert_same(one, other):
    assert dict(one[0]) == dict(other[0])  # the history, to the bit
    assert one[1][0].keys() == other[1][0].keys()
    for name, value in one[1][0].items():
        assert np.array_equal(value, other[1][0][name]), name
    assert one[1][1] == other[1][1] and one[2] == other[2]


@pytest.mark.parametrize("steps_per_call, every", [(1, 1), (1, 4), (3, 2), (2, None)])
@pytest.mark.parametrize("calls", [1, 4, 9])
def test_a_crashed_run_over_listed_tasks_goes_on(
    device, tmp_path, steps_per_call, every, calls
):
    plain = train(regression())
    with pytest.raises(RuntimeError, match="crash"):
        train(
            regression(),
            steps_per_call=steps_per_call,
            checkpoint=tmp_path,
            checkpoint_every=every,
            callbacks=[Crash(calls)],
        )
    # What is loaded replaces the seed; where nothing was saved yet, it counts.
    made = regression(seed=99 if any(tmp_path.iterdir()) else 0)
    assert_same(train(made, checkpoint=tmp_path), plain)


def test_a_stopped_run_over_episodes_goes_on(device, tmp_path):
    settings = {"tasks": sampler(), "steps_per_epoch": 5, "validation": TASKS_OF_GLYPHS}
    plain = train(glyphs(), **settings)
    for calls in (2, 4, 1, 1):
        history, _, _ = train(
            glyphs(),
            checkpoint=tmp_path,
            steps_per_call=2,
            callbacks=[StopAt(calls)],
            **settings,
        )
        assert history.interrupted
    resumed = train(glyphs(), checkpoint=tmp_path, **settings)
    assert not resumed[0].interrupted
    assert_same(resumed, plain)


@pytest.mark.parametrize("calls", [2, 9])
@pytest.mark.parametrize("method", ["annealed", "adam inside"])
def test_what_methods_keep_and_change_goes_on(device, tmp_path, method, calls):
    def made(seed=0):
        nx.manual_seed(seed)
        if method == "annealed":  # what it does depends on the epoch
            return MAMLPlusPlus(
                MLP([1, 8, 1]), inner_steps=2, multi_step_epochs=2, first_order_epochs=1
            )
        return Reptile(MLP([1, 8, 1]), inner_steps=2, inner_optimizer="adam")

    def run(learner, **settings):
        history = learner.meta_learn(
            TASKS, epochs=EPOCHS, tasks_per_batch=3, progress=False, **settings
        )
        return history, learner.state_dict()

    history, values = run(made())
    folder = {"checkpoint": tmp_path, "checkpoint_every": 2}
    with pytest.raises(RuntimeError, match="crash"):
        run(made(), callbacks=[Crash(calls)], **folder)
    again, resumed = run(made(0 if calls == 2 else 7), **folder)
    assert dict(again) == dict(history)
    assert all(np.array_equal(resumed[n].numpy(), x.numpy()) for n, x in values.items())


TASKS_OF_GLYPHS = TaskSampler(Glyphs(classes=8), 3, 1, 2, seed=5, tasks=4)


def test_a_finished_run_is_not_done_again_and_can_be_made_longer(device, tmp_path):
    first = train(regression(), checkpoint=tmp_path)
    again = train(regression(seed=3), checkpoint=tmp_path)
    assert_same(again, first)
    longer = train(regression(seed=3), checkpoint=tmp_path, epochs=EPOCHS + 1)
    assert_same(longer, train(regression(), epochs=EPOCHS + 1))


def test_a_bounded_number_is_kept(device, tmp_path):
    train(regression(), checkpoint=tmp_path / "a" / "b", checkpoint_every=2, keep=3)
    names = sorted(os.listdir(tmp_path / "a" / "b"))
    # 5 + 2 batches an epoch
    assert names == [f"checkpoint-{n:09d}.safetensors" for n in (18, 20, 21)]


def test_what_a_killed_process_left_is_cleared(device, tmp_path):
    (tmp_path / ".checkpoint-000000004.safetensors.77-00.part").write_bytes(b"half")
    train(regression(), checkpoint=tmp_path, epochs=1)
    assert os.listdir(tmp_path) == ["checkpoint-000000007.safetensors"]


# ---- refusals ------------------------------------------------------------------------


@pytest.fixture
def saved(device, tmp_path):
    train(regression(), checkpoint=tmp_path, epochs=1)
    (file,) = tmp_path.iterdir()
    return file


def refused(made, folder, error, words, **settings):
    before, random_state = state(made), nx.random.state_dict()
    with pytest.raises(error, match=words):
        train(made, checkpoint=folder, **settings)
    after = state(made)
    assert all(np.array_equal(after[0][n], x) for n, x in before[0].items())
    assert after[1] == before[1]
    # The host's draw for the order comes before; the stream on devices is untouched.
    now = nx.random.state_dict()
    assert (now["seed"], now["step"]) == (random_state["seed"], random_state["step"])


def test_a_checkpoint_says_on_what_it_was_made(device, saved):
    training = nx.load(saved)["training"]
    assert training["choices"] == {"chunk": 0, "steps_per_call": 1}
    assert training["made_on"]["device"] == device
    assert training["made_on"]["fusion"] is True
    assert "neurenix-" in training["made_on"]["backend"]


def test_going_on_with_other_bits_is_said(device, saved):
    content = nx.load(saved)
    content["training"]["made_on"]["instruction_set"] = "abacus"
    nx.save(content, saved)
    plain = train(regression())
    with pytest.warns(RuntimeWarning, match="instruction_set: abacus then, .* now"):
        assert_same(train(regression(), checkpoint=saved.parent), plain)


def test_a_checkpoint_of_another_model(saved):
    learner = MAML(MLP([1, 4, 1]), inner_steps=2)
    optimizer = optim.Adam(learner.parameters(), lr=0.01)
    made = learner, optimizer, optim.StepLR(optimizer, step_size=1, gamma=0.5)
    refused(made, saved.parent, InvalidArgumentError, "another MAML.*model.3.weight")


def test_a_checkpoint_with_other_shapes(saved):
    net = nn.Sequential(nn.Linear(1, 9), nn.Dropout(0.2), nn.ReLU(), nn.Linear(9, 1))
    learner = MAML(net, inner_steps=2)
    optimizer = optim.Adam(learner.parameters(), lr=0.01)
    made = learner, optimizer, optim.StepLR(optimizer, step_size=1, gamma=0.5)
    words = r"model.0.weight has shape \(9, 1\), the state's \(8, 1\)"
    refused(made, saved.parent, ShapeError, words)
    with pytest.raises(ShapeError, match=words):
        learner.load(saved)


def test_a_checkpoint_of_another_run(saved):
    def other(change):
        learner, optimizer, schedule = regression()
        if change == "optimizer":
            optimizer = optim.SGD(learner.parameters(), lr=0.01)
            schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
        if change == "betas":
            optimizer = optim.Adam(learner.parameters(), lr=0.01, betas=(0.5, 0.999))
            schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
        if change == "schedule":
            schedule = None
        if change == "inner_lr":
            learner = MAML(learner.model, inner_lr=0.5, inner_steps=2)
            optimizer = optim.Adam(learner.parameters(), lr=0.01)
            schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
        return learner, optimizer, schedule

    for change, words in (
        ("optimizer", "optimizer: Adam saved, SGD now"),
        ("betas", r"optimizer: betas=\(0.9, 0.999\) saved, \(0.5, 0.999\) now"),
        ("schedule", "schedule: StepLR saved, None now"),
        ("inner_lr", "learner: inner_lr=0.01 saved, 0.5 now"),
    ):
        refused(other(change), saved.parent, InvalidArgumentError, words)
    others = generate_regression_tasks(19, 5, seed=4)
    words = "tasks: data="
    refused(regression(), saved.parent, InvalidArgumentError, words, tasks=others)


def test_a_checkpoint_of_a_newer_version(saved):
    content = nx.load(saved)
    content["format"] += 1
    content["versions"]["neurenix"] = "9.1"
    nx.save(content, saved)
    words = "written by Neurenix 9.1 in format 3; .* reads formats up to 2"
    refused(regression(), saved.parent, FileFormatError, words)
    with pytest.raises(FileFormatError, match=words):
        regression()[0].load(saved)


def test_damaged_checkpoints(saved):
    content = saved.read_bytes()
    flips = [len(content) - 5, len(content) // 2, 40, 9, 0]
    damaged = [content[:-3], content[: len(content) // 2], b"", content + b"\0"]
    for at in flips:
        damaged.append(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    for text in damaged:
        saved.write_bytes(text)
        refused(regression(), saved.parent, FileFormatError, "damaged")


def test_files_that_are_no_checkpoints(saved):
    for content, error, words in (
        ({"x": nx.ones(1)}, FileFormatError, "holds no meta-learner"),
        (
            {k: v for k, v in nx.load(saved).items() if k != "learner"},
            FileFormatError,
            "lacks a part",
        ),
        (
            {k: v for k, v in nx.load(saved).items() if k != "training"},
            InvalidArgumentError,
            "learner without a run",
        ),
    ):
        nx.save(content, saved)
        refused(regression(), saved.parent, error, words)


def test_a_disk_that_fills_up_leaves_the_old_checkpoint(device, tmp_path, monkeypatch):
    replace = os.replace
    written = []

    def fails_the_third_time(source, target):
        written.append(target)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails_the_third_time)
    with pytest.raises(StorageError, match="No space left"):
        train(regression(), checkpoint=tmp_path, checkpoint_every=2, keep=1)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["checkpoint-000000004.safetensors"]
    resumed = train(regression(), checkpoint=tmp_path, checkpoint_every=2)
    assert_same(resumed, train(regression()))


def test_a_step_that_diverges_leaves_the_checkpoint_before_it(device, tmp_path):
    learner, optimizer, schedule = regression()

    class Diverge(StopAt):
        def on_step_end(self, learner, event):
            self.left -= 1
            if not self.left:
                weight = next(learner.parameters())
                weight.assign(np.full(weight.shape, np.nan, np.float32))

    with pytest.raises(NonFiniteError):
        train(
            (learner, optimizer, schedule),
            checkpoint=tmp_path,
            checkpoint_every=3,
            callbacks=[Diverge(5)],
        )
    assert os.listdir(tmp_path) == ["checkpoint-000000003.safetensors"]


def test_bad_arguments(device, tmp_path):
    made = regression()
    (tmp_path / "file").write_text("text")
    for settings, error, words in (
        ({"checkpoint_every": 3}, InvalidArgumentError, "without checkpoint="),
        ({"checkpoint": tmp_path, "keep": 0}, InvalidArgumentError, "keep"),
        (
            {"checkpoint": tmp_path, "checkpoint_every": 0},
            InvalidArgumentError,
            "checkpoint_every=.*; expected an int of 1 or more",
        ),
        ({"checkpoint": tmp_path / "file"}, StorageError, "cannot be a folder"),
        ({"checkpoint": tmp_path / ("n" * 300)}, StorageError, "cannot be a folder"),
        ({"checkpoint": f"{tmp_path}/a\0b"}, StorageError, "cannot be a folder"),
        ({"checkpoint": f"{tmp_path}/\ud800"}, StorageError, "cannot be a folder"),
        ({"checkpoint": 3}, InvalidArgumentError, "expected a path, not 3"),
    ):
        with pytest.raises(error, match=words):
            train(made, **settings)
    other = optim.StepLR(optim.SGD(made[0].parameters(), lr=1.0), step_size=1)
    with pytest.raises(InvalidArgumentError, match="schedule of the meta_optimizer"):
        train((made[0], made[1], other))


# ---- a learner in a file -------------------------------------------------------------


def test_a_learner_comes_back(device, tmp_path):
    made = glyphs()
    train(made, tasks=sampler(), steps_per_epoch=2, epochs=1)
    made[0].save(tmp_path / "learner")
    other = glyphs(seed=8)[0]
    other.load(str(tmp_path / "learner"))
    values = other.state_dict()
    for name, value in made[0].state_dict().items():
        assert np.array_equal(values[name].numpy(), value.numpy())
    result = made[0].evaluate(TASKS_OF_GLYPHS).scores["loss"]
    assert np.array_equal(other.evaluate(TASKS_OF_GLYPHS).scores["loss"], result)


def test_a_learner_is_read_from_the_newest_checkpoint(device, tmp_path):
    made = regression()
    train(made, checkpoint=tmp_path, keep=2)
    other = regression(seed=5)[0]
    other.load(tmp_path)
    for name, value in made[0].state_dict().items():
        assert np.array_equal(other.state_dict()[name].numpy(), value.numpy())
    with pytest.raises(StorageError, match="no checkpoint in the folder"):
        other.load(tmp_path.parent)


# ---- killed processes ----------------------------------------------------------------

PROGRAM = """
import sys
import neurenix as nx
from neurenix import nn, optim
from neurenix.meta import MAML, generate_regression_tasks

folder, final, epochs = sys.argv[1:]
nx.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 16), nn.Dropout(0.1), nn.ReLU(), nn.Linear(16, 1))
learner = MAML(net, inner_steps=2)
optimizer = optim.Adam(learner.parameters(), lr=0.005)
learner.meta_learn(
    generate_regression_tasks(32, 5, seed=0), optimizer, int(epochs), 4,
    schedule=optim.StepLR(optimizer, 20, 0.9), progress=False, steps_per_call=3,
    **({"checkpoint": folder, "checkpoint_every": 7} if folder else {}),
)
learner.save(final)
"""


def started(folder, final, epochs):
    command = [sys.executable, "-c", PROGRAM, str(folder), str(final), str(epochs)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONWARNINGS": ""})


def steps_on_disk(folder):
    names = os.listdir(folder) if folder.exists() else []
    return max((int(n[11:20]) for n in names if n.startswith("checkpoint")), default=0)


def killed(folder, final, epochs, times):
    """Kills the training process so often, each time some steps further on."""
    chance = random.Random(0)
    for _ in range(times):
        goal = steps_on_disk(folder) + chance.randint(1, 60)
        process = started(folder, final, epochs)
        try:
            while steps_on_disk(folder) < goal:
                assert process.poll() is None, "training ended before it was killed"
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to kill by")
@pytest.mark.parametrize(
    "times, epochs", [(2, 300), pytest.param(10, 800, marks=pytest.mark.slow)]
)
def test_a_killed_process_resumes_to_the_same_bits(tmp_path, times, epochs):
    killed(tmp_path / "folder", tmp_path / "resumed", epochs, times)
    runs = [
        started(tmp_path / "folder", tmp_path / "resumed", epochs),
        started("", tmp_path / "whole", epochs),
    ]
    assert [run.wait() for run in runs] == [0, 0]
    resumed, whole = nx.load(tmp_path / "resumed"), nx.load(tmp_path / "whole")
    values = whole["learner"]["values"]
    assert values.keys() == resumed["learner"]["values"].keys() and len(values) == 4
    for name, value in values.items():
        assert np.array_equal(resumed["learner"]["values"][name].numpy(), value.numpy())
