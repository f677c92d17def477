"""What a run and a learner are: a change of any kind is seen when a run is to go on or
a file is loaded, and the same script in another process is the same."""

import os
import subprocess
import sys

import numpy as np
import pytest
from identity_cases import (
    OTHERS,
    TASKS,
    Net,
    Other,
    Signs,
    Steps,
    Stop,
    loss,
    made,
    refused,
    train,
    twice,
)

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    MAML,
    MLP,
    Callback,
)

MODEL = {
    **{
        f"{name} {number}": (
            {name: other},
            rf"model\.{name.lstrip('_')}=.* saved, .* now",
        )
        for name, others in OTHERS.items()
        for number, other in enumerate(others)
    },
    "activation": ({"activation": nn.Tanh}, r"model.rest.0: ReLU saved, Tanh now"),
    "dropout": ({"p": 0.9}, r"model.rest.1.p=0.1 saved, 0.9 now"),
    "norm mode": (
        {"norm": {"mode": "transductive"}},
        r"mode='running' saved, 'transductive' now",
    ),
    "norm eps": ({"norm": {"eps": 0.1}}, r"rest.2.eps=1e-05 saved, 0.1 now"),
    "norm momentum": ({"norm": {"momentum": 0.5}}, "momentum=0.1 saved, 0.5 now"),
    "nesting": (
        {"parts": lambda a, b: {"a": {"b": a}, "c": b}},
        r"model.parts=\{'a.b'.* saved, \{'a': \{'b'.* now",
    ),
    "another attribute": ({"further": 3}, "model.further=nothing saved, 3 now"),
    "formula": ({"cls": Other}, "model.forward=forward.* saved, forward.* now"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    parts = made()
    train(parts, folder)
    parts[0].save(folder / "learner")
    return folder


@pytest.mark.parametrize("change", MODEL)
def test_another_model(saved, change):
    changes, words = MODEL[change]
    parts = made(net=changes)
    refused(lambda: train(parts, saved, epochs=2), f"learner: .*{words}", *parts)
    for path in (saved, saved / "learner"):
        refused(
            lambda p=path: parts[0].load(p),
            f"another (learner|MAML): .*{words}",
            *parts,
        )


@pytest.mark.parametrize(
    "change, words",
    [
        ({"learner": {"loss": twice}}, r"learner: loss=loss.* saved, twice.* now"),
        ({"learner": {"inner_lr": 0.5}}, "learner: inner_lr=0.01 saved, 0.5 now"),
        ({"learner": {"inner_steps": 2}}, "learner: inner_steps=1 saved, 2 now"),
        ({"learner": {"inner_clip_norm": 1.0}}, "inner_clip_norm=None saved, 1.0 now"),
        ({"learner": {"first_order": True}}, "first_order=False saved, True now"),
        ({"learner": {"meta_lr": 0.5}}, "learner: meta_lr=0.001 saved, 0.5 now"),
        ({"optimizer": {"lr": 0.5}}, r"optimizer: lr=0.01 saved, 0.5 now"),
        (
            {"optimizer": {"scales": (2.0,)}},
            r"scales=float64\[1\] \[1.0\] saved, .*2.0",
        ),
        (
            {"optimizer": {"shape": lambda g: g}},
            "optimizer: shape=sign saved, <lambda> code",
        ),
        ({"schedule": {"milestones": [2]}}, r"milestones=\[1\] saved, \[2\] now"),
        ({"schedule": {"decay": lambda n: 0.1**n}}, "schedule: decay=<lambda>"),
    ],
)
def test_other_settings_of_a_run(saved, change, words):
    parts = made(**change)
    refused(lambda: train(parts, saved, epochs=2), words, *parts)
    changed = change.get("learner", {})
    if changed and "meta_lr" not in changed:
        refused(lambda: parts[0].load(saved), words.removeprefix("learner: "), *parts)
    else:  # what concerns training only
        parts[0].load(saved)


def test_parts_in_another_order(tmp_path):
    def layers(*order):
        net = nn.Sequential()
        for name in order:
            setattr(net, name, {"0": nn.ReLU(), "1": nn.Linear(1, 1)}[name])
        return MAML(net)

    layers("0", "1").save(tmp_path / "file")
    other = layers("1", "0")
    words = "order of parts: model, model.0, model.1 saved, model, model.1, model.0"
    refused(lambda: other.load(tmp_path / "file"), words, other)


def frozen(first, last):
    last.bias = nn.Parameter(last.bias.numpy(), requires_grad=False)
    return {"a.b": first, "c": last}


def test_frozen_parameters_and_dtypes(saved):
    parts = made(net={"parts": frozen})
    words = "model.parts.c.bias.requires_grad=True saved, False now"
    refused(lambda: train(parts, saved, epochs=2), words, *parts)
    refused(lambda: parts[0].load(saved), words, *parts)
    wide = MAML(Net().to(nx.float64), inner_steps=1, loss=loss)
    meta = Signs(wide.parameters())
    wide_parts = wide, meta, Steps(meta)
    words = "model.parts.a.b.weight.dtype=float32 saved, float64 now"
    refused(lambda: train(wide_parts, saved, epochs=2), words, wide)
    wide.load(saved)  # values are converted
    assert wide.dtype is nx.float64


def test_an_optimizer_of_other_parameters(tmp_path):
    def head_only(which):
        nx.manual_seed(0)
        learner = MAML(MLP([1, 4, 4, 1]), inner_steps=1)
        chosen = [p for n, p in learner.named_parameters() if n.startswith(which)]
        return learner, optim.SGD(chosen, lr=0.01), None

    train(head_only("model.2"), tmp_path)
    parts = head_only("model.4")
    words = r"optimizer: params=\['model.2.*\] saved, \['model.4.* now"
    refused(lambda: train(parts, tmp_path, epochs=2), words, *parts)


# ---- what training itself changes ----------------------------------------------------


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.last = x
        return self.layer(x)


class Save(Callback):
    def __init__(self, path):
        self.path = path

    def on_epoch_end(self, learner, event):
        learner.save(self.path)


def counting():
    nx.manual_seed(0)
    return MAML(Counting(), inner_steps=1)


@pytest.mark.parametrize("anew", [True, False])
def test_what_training_changes_does_not_stop_a_run_from_going_on(tmp_path, anew):
    whole = counting()
    plain = whole.meta_learn(TASKS, epochs=3, progress=False)
    learner = counting()
    folder = {"checkpoint": tmp_path, "progress": False, "checkpoint_every": 2}
    learner.meta_learn(
        TASKS, epochs=3, tasks_per_batch=1, callbacks=[Stop(3)], **folder
    )
    if anew:
        learner = counting()
    learner.meta_learn(
        TASKS, epochs=3, tasks_per_batch=1, callbacks=[Stop(4)], **folder
    )
    learner = counting()
    history = learner.meta_learn(TASKS, epochs=3, tasks_per_batch=1, **folder)
    assert history.epochs == plain.epochs
    assert learner.model.calls


def test_a_learner_saved_in_training_or_after_it_is_loaded_by_a_new_one(tmp_path):
    learner = counting()
    learner.meta_learn(TASKS, progress=False, callbacks=[Save(tmp_path / "during")])
    learner.save(tmp_path / "after")
    learner.evaluate(TASKS[:2])
    learner.save(tmp_path / "evaluated")
    assert learner.model.calls
    for name in ("during", "after", "evaluated"):
        counting().load(tmp_path / name)
    learner.load(tmp_path / "after")
    learner.inner_lr = 0.5  # not by training
    learner.save(tmp_path / "changed")
    with pytest.raises(InvalidArgumentError, match=r"inner_lr=0.5 saved, 0.01 now"):
        counting().load(tmp_path / "changed")


# ---- another process -----------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import neurenix as nx
from neurenix.meta.identity.descriptions import described
from identity_cases import TASKS, Stop, made, train
parts = made()
text = repr([sorted(described(part).items()) for part in parts])
stop = [Stop(int(sys.argv[4]))] if sys.argv[4] != "0" else []
folder = sys.argv[2] or None
history = train(parts, folder, epochs=3, tasks_per_batch=2, callbacks=stop)
parts[0].save(sys.argv[3])
print(hash("a"), text, history["loss"] if not stop else "", sep="\\n")
"""


def in_another_process(folder, final, steps, hash_seed):
    here = os.path.dirname(__file__)
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, here, str(folder), str(final), str(steps)],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


def test_the_same_script_in_another_process_goes_on_to_the_bit(tmp_path):
    first = in_another_process(tmp_path / "run", tmp_path / "stopped", 3, 1)
    second = in_another_process(tmp_path / "run", tmp_path / "resumed", 0, 2)
    whole = in_another_process("", tmp_path / "whole", 0, 3)
    assert first[0] != second[0] and first[1] == second[1] == whole[1]
    assert second[2] == whole[2]
    resumed, plain = (
        nx.load(tmp_path / name)["learner"]["values"] for name in ("resumed", "whole")
    )
    for name, value in plain.items():
        assert np.array_equal(resumed[name].numpy(), value.numpy())


def methods_of_ones_own(body, moved, unrelated):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x):
            return self.body(x)

        def extra_repr(self):
            return str(unrelated)

    class Learner(MAML):
        pass

    Own.body, Learner.moved = body, moved
    Own.unrelated = lambda self: unrelated
    return Learner(Own(), inner_steps=1)


def slow(self, fast, gradient, step):
    return {n: p - 0.1 * gradient[n] for n, p in fast.items()}, {}


def fast(self, fast, gradient, step):
    return {n: p - 0.9 * gradient[n] for n, p in fast.items()}, {}


def test_methods_that_results_come_of_are_compared(tmp_path):
    def plain(self, x):
        return self.layer(x)

    def bounded(self, x):
        return self.layer(nx.tanh(x))

    def run(*parts, epochs=2):
        learner = methods_of_ones_own(*parts)
        return learner.meta_learn(
            TASKS, epochs=epochs, checkpoint=tmp_path, progress=False
        )

    run(plain, slow, 1, epochs=1)
    assert run(plain, slow, 2).epochs == 2  # what is only shown may differ
    for parts, word in (((bounded, slow, 1), "body"), ((plain, fast, 1), "moved")):
        with pytest.raises(InvalidArgumentError, match=word):
            run(*parts, epochs=3)
