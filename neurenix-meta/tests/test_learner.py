"""MetaLearner: the loop, its reports, and what it refuses."""

import copy
import math
import warnings

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError, NonFiniteError, ShapeError
from neurenix.meta import (
    MAML,
    MLP,
    Callback,
    History,
    MetaLearner,
    Outcome,
    PrototypicalNetworks,
    TaskSampler,
    generate_classification_tasks,
    generate_regression_tasks,
)
from neurenix.meta.datasets import Glyphs


@pytest.fixture
def learner(device):
    nx.manual_seed(0)
    return MAML(MLP([1, 8, 1]), inner_steps=1)


@pytest.fixture
def tasks():
    return generate_regression_tasks(10, 5, seed=0)


def state(learner):
    return {n: v.numpy().copy() for n, v in learner.state_dict().items()}


def unchanged(learner, before):
    return all(
        np.array_equal(v.numpy(), before[n]) for n, v in learner.state_dict().items()
    )


class Recorder(Callback):
    def __init__(self):
        self.heard = []
        self.losses = []

    def on_epoch_start(self, learner, event):
        self.heard.append(("start", event.epoch))

    def on_step_end(self, learner, event):
        self.heard.append(("step", event.epoch, event.step))
        self.losses.append(float(event.metrics["loss"]))

    def on_epoch_end(self, learner, event):
        self.heard.append(("end", event.epoch, dict(event.metrics)))

    def on_train_end(self, learner, event):
        self.heard.append("over")


def test_a_method_is_its_loss(device):
    class Joint(MetaLearner):
        def task_loss(self, parameters, task):
            output, buffers = self.run(parameters, task.query_x)
            loss = nn.functional.mse_loss(output, task.query_y)
            return Outcome(loss, {"twice": 2.0 * loss}, buffers)

    joint = Joint(nn.Linear(1, 1))
    history = joint.meta_learn(generate_regression_tasks(4, 5, seed=0), progress=False)
    assert history["twice"][0] == pytest.approx(2 * history["loss"][0])
    for missing in (joint.evaluate, lambda t: joint.adapt_to_task(t[0][0], t[0][1])):
        with pytest.raises(NotImplementedError, match="Joint defines no"):
            missing(generate_regression_tasks(1, 5, seed=0))


def test_history_validation_and_callbacks(learner, tasks):
    recorder = Recorder()
    history = learner.meta_learn(
        tasks, None, 2, 4, validation=tasks[:3], callbacks=[recorder], progress=False
    )
    assert history.epochs == 2 and not history.interrupted
    assert set(history) == {"loss", "validation_loss"}
    assert history["validation_loss"][-1] == pytest.approx(
        learner.evaluate(tasks[:3]).mean()
    )
    steps = [heard[:3] for heard in recorder.heard if heard[0] == "step"]
    # Ten tasks, four at a time: a smaller last batch, and a mean over tasks.
    assert steps == [("step", e, s) for e in (1, 2) for s in (1, 2, 3)]
    assert recorder.heard[0] == ("start", 1) and recorder.heard[-1] == "over"
    a, b, c = recorder.losses[:3]
    assert history["loss"][0] == pytest.approx((4 * a + 4 * b + 2 * c) / 10, rel=1e-5)
    ends = [heard for heard in recorder.heard if heard[0] == "end"]
    assert ends[1][2]["validation_loss"] == history["validation_loss"][1]


def test_classification_has_accuracies(device):
    tasks = generate_classification_tasks(8, seed=0)
    learner = PrototypicalNetworks(nn.Linear(20, 8))
    history = learner.meta_learn(tasks, validation=tasks, progress=False)
    assert 0 < history["accuracy"][0] <= 1
    assert history["validation_accuracy"] == [learner.evaluate(tasks).accuracy]


def test_without_an_optimizer_it_is_adam_at_meta_lr(device, tasks):
    ends = []
    for given in (False, True):
        nx.manual_seed(0)
        learner = MAML(MLP([1, 4, 1]), meta_lr=0.01, inner_steps=1)
        adam = optim.Adam(learner.parameters(), lr=0.01) if given else None
        learner.meta_learn(tasks, adam, progress=False)
        ends.append(state(learner))
    assert all(np.array_equal(ends[0][n], ends[1][n]) for n in ends[0])


def test_order_is_shuffled_and_seeded(device, tasks):
    def losses(seed):
        nx.manual_seed(0)
        learner = MAML(MLP([1, 4, 1]), inner_steps=1)
        nx.manual_seed(seed)
        recorder = Recorder()
        learner.meta_learn(tasks, None, 2, 1, callbacks=[recorder], progress=False)
        return recorder.losses

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_any_iterable_lists_arrays_and_tuples_will_do(learner):
    def generated():
        for _ in range(3):
            yield [[[0.0], [1.0]], [[1.0], [2.0]], np.zeros((4, 1)), np.ones((4, 1))]

    assert learner.meta_learn(generated(), None, 1, 3, progress=False).epochs == 1


def test_tasks_of_several_shapes(learner):
    tasks = [
        *generate_regression_tasks(5, 4, seed=0),
        *generate_regression_tasks(3, 6, seed=1),
    ]
    recorder = Recorder()
    learner.meta_learn(tasks, None, 1, 2, callbacks=[recorder], progress=False)
    assert len(recorder.losses) == 5  # 2 + 2 + 1 of one shape, 2 + 1 of the other


def test_a_batch_larger_than_the_tasks_is_smaller_and_said_once(learner, tasks):
    with pytest.warns(UserWarning, match="tasks_per_batch=64.* a batch has 10") as said:
        learner.meta_learn(tasks, None, 3, 64, progress=False)
    assert len(said) == 1


def test_a_schedule_takes_effect_without_another_program(learner, tasks):
    adam = optim.Adam(learner.parameters(), lr=0.01)
    schedule = optim.StepLR(adam, 1, gamma=0.0)

    class Decay(Callback):
        def on_epoch_end(self, learner, event):
            schedule.step()
            self.seen = state(learner)

    decay = Decay()
    learner.meta_learn(tasks[:4], adam, 1, callbacks=[decay], progress=False)
    learner.meta_learn(tasks[:4], adam, 1, progress=False)
    assert unchanged(learner, decay.seen)


def test_sampled_tasks(device):
    sampler = TaskSampler(Glyphs(classes=12), 5, 1, 2, seed=3, tasks=6)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8))
    ends = []
    for tasks in (sampler, list(sampler)):
        nx.manual_seed(0)
        learner = PrototypicalNetworks(copy.deepcopy(net))
        learner.meta_learn(tasks, None, 2, 3, progress=False)
        ends.append(state(learner))
    assert np.allclose(ends[0]["model.1.weight"], ends[1]["model.1.weight"], atol=1e-6)


def test_a_sampler_without_end_goes_on_where_an_epoch_stopped(device):
    endless = TaskSampler(Glyphs(classes=12), 5, 1, 2, seed=3)
    learner = PrototypicalNetworks(nn.Sequential(nn.Flatten(), nn.Linear(784, 8)))
    recorder = Recorder()
    history = learner.meta_learn(
        endless, None, 2, 3, steps_per_epoch=2, callbacks=[recorder], progress=False
    )
    assert history.epochs == 2 and len(set(recorder.losses)) == 4
    for call in (learner.meta_learn, learner.evaluate):
        with pytest.raises(InvalidArgumentError, match="no end"):
            call(endless)
    with pytest.raises(InvalidArgumentError, match="without end"):
        learner.meta_learn([endless[i] for i in range(2)], steps_per_epoch=2)


# ---- stopping -----------------------------------------------------------------------


def test_ctrl_c_keeps_the_history_and_the_weights(learner, tasks):
    class Interrupt(Callback):
        def on_step_end(self, learner, event):
            if (event.epoch, event.step) == (2, 2):
                self.then = state(learner)
                raise KeyboardInterrupt

    interrupt, recorder = Interrupt(), Recorder()
    said = r"after meta-step \d+, in epoch 2 of 5: .* With checkpoint=folder"
    with pytest.warns(RuntimeWarning, match=said) as told:
        history = learner.meta_learn(
            tasks, None, 5, 2, callbacks=[recorder, interrupt], progress=False
        )
    assert told[0].filename == __file__
    assert history.interrupted and "(interrupted)" in str(history)
    assert history.epochs == 2 and all(map(math.isfinite, history["loss"]))
    assert unchanged(learner, interrupt.then) and recorder.heard[-1] == "over"
    again = learner.meta_learn(tasks, None, 1, 2, progress=False)
    assert not again.interrupted


def test_the_command_line_says_itself_that_it_stopped(learner, tasks):
    from neurenix.meta.commands.interruption import Interruption

    class Interrupt(Callback):
        def on_step_end(self, learner, event):
            raise KeyboardInterrupt

    with Interruption().listening(), warnings.catch_warnings(record=True) as told:
        history = learner.meta_learn(tasks, callbacks=[Interrupt()], progress=False)
    assert history.interrupted and not told


def test_a_callback_can_stop_training(learner, tasks):
    class Stop(Callback):
        def on_epoch_end(self, learner, event):
            if event.epoch == 2:
                event.stop()

    history = learner.meta_learn(tasks, None, 5, callbacks=[Stop()], progress=False)
    assert history.epochs == 2 and history.interrupted


def test_nan_names_the_step_and_keeps_the_last_good_state(device):
    def build():
        nx.manual_seed(0)
        learner = MAML(nn.Linear(1, 1), inner_steps=1)
        return learner, optim.Adam(learner.parameters(), lr=0.1)

    good = generate_regression_tasks(3, 4, seed=0)
    bad = tuple(np.full((4, 1), np.nan) for _ in range(4))
    learner, adam = build()
    recorder = Recorder()
    with pytest.raises(NonFiniteError, match=r"meta-step \d .*task.* 3.* nan") as error:
        learner.meta_learn(
            [*good, bad], adam, 1, 1, callbacks=[recorder], progress=False
        )
    done = len(recorder.losses)
    assert f"meta-step {done + 1} " in str(error.value)
    assert isinstance(error.value.history, History)
    assert error.value.history.get("loss", []) == (
        [pytest.approx(np.mean(recorder.losses))] if done else []
    )
    assert adam.steps == done
    for parameter in learner.parameters():
        assert np.isfinite(parameter.numpy()).all()
    # The state is that of a run which never met the bad task.
    other, fresh = build()

    class Stop(Callback):
        def on_step_end(self, learner, event):
            if event.step == done:
                event.stop()

    if done:
        zeros = tuple(np.zeros((4, 1)) for _ in range(4))
        other.meta_learn(
            [*good, zeros], fresh, 1, 1, callbacks=[Stop()], progress=False
        )
    assert unchanged(learner, state(other))


# ---- bad input ----------------------------------------------------------------------

X = np.zeros((2, 1))
BAD_TASKS = [
    ([], InvalidArgumentError, "zero tasks"),
    ([(X, X, X)], InvalidArgumentError, "task 0 has 3 members.*four tensors"),
    ([(X, X, X, X), 7], InvalidArgumentError, "task 1 is a int"),
    ([(X, X, X, "abc")], InvalidArgumentError, "task 0: query_y is no tensor"),
    ([(X, X, X, [[1.0], [2.0, 3.0]])], ShapeError, "task 0: query_y is ragged"),
    ([(X, X[:1], X, X)], ShapeError, r"support_x of shape \(2, 1\).*\(1, 1\)"),
    ([(X[:0], X[:0], X, X)], InvalidArgumentError, "no support examples"),
    ([(X, X, np.zeros((2, 3)), X)], ShapeError, r"\(1,\) and query.*\(3,\)"),
    ("tasks", InvalidArgumentError, "tasks of type str"),
    (None, InvalidArgumentError, "tasks of type NoneType"),
    ([(X, [0, 1], X, [0, 5])], InvalidArgumentError, "class label 5"),
    ([(X, [0, -1], X, [0, 0])], InvalidArgumentError, "label -1"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "kind", "message"), BAD_TASKS)
def test_bad_tasks_get_a_named_error_and_change_nothing(learner, bad, kind, message):
    before = state(learner)
    for call in (lambda t: learner.meta_learn(t, progress=False), learner.evaluate):
        with pytest.raises(kind, match=message):
            call(bad)
    assert unchanged(learner, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs=.*; expected an int of 1 or more"),
        ({"epochs": 1.5}, "epochs=.*; expected an int of"),
        ({"tasks_per_batch": 0}, "tasks_per_batch=.*; expected an int of 1 or more"),
        ({"tasks_per_batch": -4}, "tasks_per_batch=-4; expected an int of 1 or more"),
        ({"chunk": -1}, "chunk"),
        ({"steps_per_call": None}, "steps_per_call=None"),
        ({"keep": None}, "keep=None"),
    ],
)
def test_bad_sizes(learner, tasks, arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        learner.meta_learn(tasks, progress=False, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"inner_lr": 0.0},
        {"inner_lr": "fast"},
        {"meta_lr": math.nan},
        {"inner_steps": 0},
        {"batch_norm": "layer"},
        {"loss": 3},
        {"inner_clip_norm": 0},
        {"inner_clip_norm": math.inf},
    ],
)
def test_bad_settings(device, arguments):
    name = next(iter(arguments))
    with pytest.raises(InvalidArgumentError, match=name):
        MAML(nn.Linear(1, 1), **arguments)


def test_a_model_is_a_module(device):
    with pytest.raises(InvalidArgumentError, match="model is a function"):
        MAML(lambda x: x)


def test_an_optimizer_of_another_model_is_refused(learner, tasks):
    stranger = optim.Adam(nn.Linear(1, 1).parameters())
    with pytest.raises(InvalidArgumentError, match="none of this MAML's"):
        learner.meta_learn(tasks, stranger, progress=False)


def test_a_model_that_does_not_take_the_examples(device, tasks):
    with pytest.raises(ShapeError, match="linear"):
        MAML(nn.Linear(3, 1)).meta_learn(tasks, progress=False)


def test_a_learner_can_be_copied(learner, tasks):
    learner.meta_learn(tasks, progress=False)
    copied = copy.deepcopy(learner)
    before = state(learner)
    copied.meta_learn(tasks, progress=False)
    assert unchanged(learner, before) and not unchanged(copied, before)


def test_a_changed_setting_takes_effect(learner, tasks):
    task = tasks[0]
    before = learner.adapt_to_task(task.support_x, task.support_y)(task.query_x)
    learner.inner_lr = 0.1
    after = learner.adapt_to_task(task.support_x, task.support_y)(task.query_x)
    assert before.tolist() != after.tolist()
