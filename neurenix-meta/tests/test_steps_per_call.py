"""Several meta-steps by one call: the same training, to the bit."""

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, NonFiniteError, StepsInterrupted
from neurenix.meta import (
    MAML,
    MLP,
    Callback,
    PrototypicalNetworks,
    TaskSampler,
    generate_regression_tasks,
)
from neurenix.meta.datasets import Glyphs


class Listener(Callback):
    def __init__(self):
        self.steps, self.losses = [], []

    def on_step_end(self, learner, event):
        self.steps.append(event.step)
        self.losses.append(float(event.metrics["loss"]))


def trained(learner, tasks, steps_per_call, **settings):
    nx.manual_seed(1)
    optimizer = optim.Adam(learner.parameters(), lr=0.01)
    listener = Listener()
    history = learner.meta_learn(
        tasks,
        optimizer,
        2,
        3,
        callbacks=[listener],
        progress=False,
        steps_per_call=steps_per_call,
        **settings,
    )
    state = {**learner.state_dict(), **optimizer.state_dict()}
    return history, {n: np.array(x.numpy()) for n, x in state.items()}, listener


def assert_same(one, several):
    assert one[0] == several[0]  # every column, to the bit
    assert one[1].keys() == several[1].keys()
    assert all(np.array_equal(one[1][n], several[1][n]) for n in one[1])


def test_over_episodes_of_a_data_set(device):
    def prototypical():
        nx.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2),
            nn.BatchNorm2d(4, mode="running"),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Flatten(),
        )
        return PrototypicalNetworks(net)

    def sampler():
        return TaskSampler(Glyphs(classes=8), ways=3, shots=1, queries=2, seed=0)

    one = trained(prototypical(), sampler(), 1, steps_per_epoch=7)
    several = trained(prototypical(), sampler(), 4, steps_per_epoch=7)
    assert_same(one, several)
    assert one[2].steps == [1, 2, 3, 4, 5, 6, 7] * 2
    assert several[2].steps == [4, 7] * 2
    assert several[2].losses == [one[2].losses[i] for i in (3, 6, 10, 13)]


def test_over_listed_tasks_of_two_shapes(device):
    def maml():
        nx.manual_seed(0)
        return MAML(MLP([1, 8, 1]), inner_steps=2)

    tasks = [
        *generate_regression_tasks(10, 5, seed=0),
        *generate_regression_tasks(5, 4, seed=1),
    ]
    one, several = trained(maml(), tasks, 1), trained(maml(), tasks, 16)
    assert_same(one, several)
    assert len(one[2].steps) == 12 and several[2].steps[-1] == 6
    assert len(several[2].steps) < 12


def test_the_first_bad_step_ends_training(device):
    tasks = generate_regression_tasks(6, 5, seed=0)
    ends = []
    for steps_per_call in (1, 4):
        nx.manual_seed(0)
        learner = MAML(MLP([1, 8, 1]), inner_lr=1e30, inner_steps=2)
        next(learner.parameters()).assign(np.full((8, 1), 0.25, np.float32))
        before = {n: np.array(x.numpy()) for n, x in learner.state_dict().items()}
        with pytest.raises(NonFiniteError, match=r"meta-step 1 \(epoch 1, step 1") as e:
            trained(learner, tasks, steps_per_call)
        ends.append(str(e.value))
        after = learner.state_dict()
        assert all(np.array_equal(before[n], after[n].numpy()) for n in before)
    assert ends[0] == ends[1]


def test_ctrl_c_keeps_what_was_done(device, monkeypatch):
    nx.manual_seed(0)
    learner = MAML(MLP([1, 8, 1]))
    tasks = generate_regression_tasks(12, 5, seed=0)
    run_steps = nx.Compiled.run_steps

    def interrupted(self, read, data, picks, in_axes):
        results = run_steps(self, read, data, picks[:2], in_axes=in_axes)
        raise StepsInterrupted("after 2 steps", 2, results)

    monkeypatch.setattr(nx.Compiled, "run_steps", interrupted)
    with pytest.warns(RuntimeWarning, match="by Ctrl-C after meta-step 2, in epoch 1"):
        history, state, _ = trained(learner, tasks, 4)
    assert history.interrupted and history.epochs == 1 and state["step"] == 2


def test_the_progress_bar_counts_every_step(device, monkeypatch):
    class Bar:
        def __init__(self, total, initial, **_):
            self.n, self.total = initial, total
            bars.append(self)

        def update(self, n):
            self.n += n

        def set_postfix(self, _):
            pass

        def close(self):
            pass

    bars = []
    monkeypatch.setattr("tqdm.tqdm", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    tasks = generate_regression_tasks(10, 5, seed=0)
    learner = MAML(MLP([1, 8, 1]))
    learner.meta_learn(tasks, epochs=2, tasks_per_batch=2, steps_per_call=3)
    assert [(bar.n, bar.total) for bar in bars] == [(10, 10)]


def test_refusals(device):
    learner = MAML(MLP([1, 8, 1]))
    tasks = generate_regression_tasks(2, 5, seed=0)
    for wrong in (0, 1.5, "all"):
        with pytest.raises(InvalidArgumentError, match="steps_per_call"):
            learner.meta_learn(tasks, steps_per_call=wrong, progress=False)
