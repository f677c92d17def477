"""What a run and a learner are: a change of any kind is seen when a run is to go on or
a file is loaded, and the same script in another process is the same."""

import dataclasses
import enum
import functools
import os
import subprocess
import sys
import types

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import (
    ANIL,
    FOMAML,
    MAML,
    MLP,
    Callback,
    MAMLPlusPlus,
    MetaSGD,
    PrototypicalNetworks,
    Reptile,
    generate_classification_tasks,
    generate_regression_tasks,
)
from neurenix.meta.descriptions import differences
from neurenix.meta.values_as_text import text_of

TASKS = generate_regression_tasks(4, 5, seed=0)


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


@dataclasses.dataclass
class Config:
    scale: float = 1.0
    sizes: tuple = (1, 2)


class Slots:
    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


def helper(x):
    return x * FACTOR


FACTOR = 2.0


def made_in(scale):
    return lambda x: x * scale


def settings():
    """A setting of every kind, made anew at each call."""
    return {
        "number": 1,
        "text": "a",
        "nothing": None,
        "listed": [1, [2.0, {"a": (3,)}]],
        "pair": (1, 2),
        "table": {"a": 1, 2: "b"},
        "members": {"alpha", "beta", "gamma", "delta"},
        "numpy_scalar": np.float32(0.5),
        "array": np.arange(3.0),
        "long_array": np.arange(100.0),
        "labels": np.array(["x", "y"]),
        "tensor": nx.ones(3),
        "mode": Mode.FAST,
        "function": lambda x: x + 1,
        "inner": lambda x: (lambda y: y + 1)(x),
        "default": lambda x, by=1: x + by,
        "closure": made_in(2.0),
        "named": helper,
        "partial": functools.partial(helper, 1),
        "mapped": nx.vmap(made_in(2.0)),
        "compiled": nx.compile(made_in(2.0)),
        "method": Config().__eq__,
        "space": types.SimpleNamespace(scale=2.0, inner=types.SimpleNamespace(a=1)),
        "config": Config(),
        "slots": Slots([1]),
        "kind": nx.float32,
        "numpy_kind": np.dtype("float32"),
        "layer": nn.ReLU,
        "random": np.random.default_rng(0),
        "_private": 1,
    }


OTHERS = {
    "number": [2, 1.0, True, None, "1"],
    "text": ["b", b"a"],
    "nothing": [0, False],
    "listed": [[1, [2.0, {"a": (4,)}]], [1, [2.0, {"a": [3]}]], [1], (1, [2.0])],
    "pair": [(2, 1), [1, 2]],
    "table": [{"a": 1}, {"a": 2, 2: "b"}, {2: "b", "a": 1}],
    "members": [{"alpha", "beta", "gamma"}],
    "numpy_scalar": [np.float32(0.25), np.float64(0.5)],
    "array": [np.arange(4.0), np.array([0.0, 1.0, 3.0]), np.arange(3)],
    "long_array": [np.arange(100.0)[::-1], np.arange(100.0).reshape(10, 10)],
    "labels": [np.array(["x", "z"])],
    "tensor": [nx.zeros(3), nx.ones(3, dtype=nx.int32)],
    "mode": [Mode.EXACT],
    "function": [lambda x: x + 2, lambda x: x - 1, lambda x: abs(x) + 1],
    "inner": [lambda x: (lambda y: y + 2)(x)],
    "default": [lambda x, by=2: x + by],
    "closure": [made_in(3.0)],
    "named": [made_in],
    "partial": [functools.partial(helper, 2)],
    "mapped": [nx.vmap(made_in(3.0)), nx.vmap(made_in(2.0), in_axes=1)],
    "compiled": [nx.compile(made_in(3.0))],
    "method": [Config(scale=2.0).__eq__],
    "space": [
        types.SimpleNamespace(scale=2.0, inner=types.SimpleNamespace(a=2)),
        types.SimpleNamespace(scale=2.0),
    ],
    "config": [Config(scale=2.0), Config(sizes=(1,))],
    "slots": [Slots([2])],
    "kind": [nx.float64],
    "numpy_kind": [np.dtype("float64"), np.dtype(">f4")],
    "layer": [nn.Tanh],
    "random": [np.random.default_rng(1)],
    "_private": [2],
}


class Net(nn.Module):
    """A network with a setting of every kind, and some choices."""

    def __init__(self, activation=nn.ReLU, p=0.1, norm=None, parts=None, **changes):
        super().__init__()
        norm = {"mode": "running", "eps": 1e-5, "momentum": 0.1, **(norm or {})}
        first, last = nn.Linear(1, 4), nn.Linear(4, 1)
        self.parts = parts(first, last) if parts else {"a.b": first, "c": last}
        self.rest = [activation(), nn.Dropout(p), nn.BatchNorm1d(4, **norm)]
        for name, value in {**settings(), **changes}.items():
            setattr(self, name, value)

    def forward(self, x):
        first, last = nx.tree.leaves(self.parts)
        for layer in (first, *self.rest, last):
            x = layer(x)
        return x


class Other(Net):
    """Of the same name, and with another formula."""

    def forward(self, x):
        return -super().forward(x)


Other.__name__ = "Net"


def loss(output, target):
    return nn.functional.mse_loss(output, target)


def twice(output, target):
    return 2.0 * nn.functional.mse_loss(output, target)


class Steps(optim.Schedule):
    def __init__(self, optimizer, milestones=(1,), decay=None):
        super().__init__(optimizer)
        self.milestones = list(milestones)
        self.decay = decay or (lambda number: 0.5**number)

    def value(self, epoch):
        return self.initial_lr * self.decay(sum(epoch >= m for m in self.milestones))


class Signs(optim.Optimizer):
    def __init__(self, params, lr=0.01, scales=(1.0,), shape=None):
        super().__init__(params, lr)
        self.scales = np.array(scales)
        self.shape = shape or (lambda g: g.sign())

    def update(self, index, p, g):
        return p - self.rate(p) * self.shape(g) * float(self.scales[0])


def made(net=None, learner=None, optimizer=None, schedule=None):
    nx.manual_seed(0)
    net = dict(net or {})
    model = net.pop("cls", Net)(**net)
    method = MAML(model, **{"inner_steps": 1, "loss": loss, **(learner or {})})
    meta = Signs(method.parameters(), **(optimizer or {}))
    return method, meta, Steps(meta, **(schedule or {}))


def train(parts, folder, **more):
    learner, optimizer, schedule = parts
    more = {"tasks": TASKS, "epochs": 1, **more}
    return learner.meta_learn(
        meta_optimizer=optimizer,
        schedule=schedule,
        checkpoint=folder,
        progress=False,
        **more,
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


def values_of(parts):
    return {n: x.numpy().copy() for n, x in parts[0].state_dict().items()}


def refused(call, words, *parts):
    before, random_state = values_of(parts), nx.random.state_dict()
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        call()
    for name, value in values_of(parts).items():
        assert np.array_equal(value, before[name], equal_nan=True)
    now = nx.random.state_dict()
    assert (now["seed"], now["step"]) == (random_state["seed"], random_state["step"])
    return str(caught.value)


@pytest.mark.parametrize("change", MODEL)
def test_another_model(saved, change):
    changes, words = MODEL[change]
    parts = made(net=changes)
    refused(
        lambda: train(parts, saved, epochs=2), f"another run: learner: {words}", *parts
    )
    for path in (saved, saved / "learner"):
        refused(lambda p=path: parts[0].load(p), f"another learner: {words}", *parts)


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
        ({"optimizer": {"shape": lambda g: g}}, "optimizer: shape=<lambda>"),
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


def test_frozen_parameters_and_dtypes(saved):
    parts = made()
    dict(parts[0].named_parameters())["model.parts.c.bias"].requires_grad = False
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


def test_many_differences_are_counted():
    saved, now = ({str(i): text for i in range(9)} for text in ("a", "b"))
    from neurenix.meta.descriptions import listed

    text = listed(differences(saved, now))
    assert text.startswith("0=a saved, b now; 1=a") and text.endswith("; and 4 more")


def test_a_difference_within_a_long_text_is_shown():
    table = {f"setting {i}": i for i in range(60)}
    (text,) = differences(
        {"config": text_of(table)}, {"config": text_of({**table, "setting 30": -1})}
    )
    assert "'setting 30': 30, " in text and "'setting 30': -1" in text
    assert len(text) < 200


# ---- files of other learners ---------------------------------------------------------


@pytest.mark.parametrize(
    "saved, now, words",
    [
        (
            lambda: PrototypicalNetworks(MLP([1, 4, 2])),
            lambda: PrototypicalNetworks(MLP([1, 4, 2]), "cosine"),
            "distance_metric='euclidean' saved, 'cosine' now",
        ),
        (
            lambda: PrototypicalNetworks(MLP([1, 4, 2])),
            lambda: PrototypicalNetworks(MLP([1, 4, 2]), embed="apart"),
            "embed='together' saved, 'apart' now",
        ),
        (
            lambda: PrototypicalNetworks(MLP([1, 4, 2])),
            lambda: MAML(MLP([1, 4, 2])),
            "PrototypicalNetworks saved, MAML now",
        ),
        (
            lambda: MAML(MLP([1, 2])),
            lambda: Reptile(MLP([1, 2])),
            "MAML saved, Reptile",
        ),
        (lambda: MAML(MLP([1, 2])), lambda: FOMAML(MLP([1, 2])), "MAML saved, FOMAML"),
        (
            lambda: MAML(MLP([1, 2])),
            lambda: MetaSGD(MLP([1, 2])),
            "MAML saved, MetaSGD",
        ),
        (
            lambda: MAML(MLP([1, 2]), inner_lr=0.1),
            lambda: MAML(MLP([1, 2]), inner_lr=0.01),
            "inner_lr=0.1 saved, 0.01 now",
        ),
        (
            lambda: ANIL(MLP([1, 2, 2]), head="2"),
            lambda: ANIL(MLP([1, 2, 2]), head="0"),
            "head='2' saved, '0' now",
        ),
    ],
)
def test_a_file_of_another_learner_is_refused(tmp_path, saved, now, words):
    saved().save(tmp_path / "file")
    learner = now()
    message = refused(lambda: learner.load(tmp_path / "file"), words, learner)
    # The remedy that it names works as it stands, where parameters are the same.
    remedy = message[message.index("learner.load_state_dict(") :].rpartition(" (in ")[0]
    values = nx.load(tmp_path / "file")["learner"]["values"]
    if "MetaSGD" not in words:
        eval(remedy, {"nx": nx, "learner": learner})
        for name, value in learner.state_dict().items():
            assert np.array_equal(value.numpy(), values[name].numpy())


@pytest.mark.parametrize(
    "saved, now",
    [
        ({"meta_lr": 0.1}, {"meta_lr": 0.2}),
        ({"remat": False}, {"remat": True}),
        ({}, {}),
    ],
)
def test_what_changes_no_result_is_passed_over(tmp_path, saved, now):
    MAML(MLP([1, 2]), **saved).save(tmp_path / "file")
    MAML(MLP([1, 2]), **now).load(tmp_path / "file")


def test_schedules_of_training_are_passed_over(tmp_path):
    learner = MAMLPlusPlus(MLP([1, 2, 1]), inner_steps=2, multi_step_epochs=1)
    learner.meta_learn(TASKS, epochs=2, progress=False)
    learner.save(tmp_path / "file")
    other = MAMLPlusPlus(
        MLP([1, 2, 1]), inner_steps=2, multi_step_epochs=5, first_order_epochs=1
    )
    other.load(tmp_path / "file")
    a, b = (m.evaluate(TASKS).scores["loss"] for m in (learner, other))
    assert np.array_equal(a, b)


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


class Stop(Callback):
    def __init__(self, steps):
        self.left = steps

    def on_step_end(self, learner, event):
        self.left -= 1
        if not self.left:
            event.stop()


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
    assert learner.model.calls
    for name in ("during", "after"):
        counting().load(tmp_path / name)
    learner.load(tmp_path / "after")
    learner.inner_lr = 0.5  # not by training
    learner.save(tmp_path / "changed")
    with pytest.raises(InvalidArgumentError, match="inner_lr=0.5 saved, 0.01 now"):
        counting().load(tmp_path / "changed")


# ---- files of format 1 ---------------------------------------------------------------


def as_format_1(path):
    content = nx.load(path)
    content["format"] = 1
    content["learner"]["settings"] = {
        "first_order": False,
        "inner_lr": 0.01,
        "inner_steps": 1,
        "meta_lr": 0.001,
        "targets": "values",
    }
    training = content["training"]
    training["optimizer"]["settings"] = {}
    training["schedule"]["settings"] = {}
    training["tasks"] = {"count": 4, "sha256": "00", "tasks_per_batch": 4}
    nx.save(content, path)


def test_a_file_of_format_1_is_read(tmp_path):
    train(made(), tmp_path)
    (path,) = tmp_path.iterdir()
    as_format_1(path)
    made()[0].load(path)
    made(net={"activation": nn.Tanh})[0].load(path)  # it does not say what it was
    with pytest.raises(InvalidArgumentError, match="inner_lr=0.01 saved, 0.5 now"):
        made(learner={"inner_lr": 0.5})[0].load(path)
    history = train(made(), tmp_path, epochs=2)
    assert history.epochs == 2


# ---- other versions of Neurenix and of Python ----------------------------------------


def test_a_file_of_another_version_of_neurenix(tmp_path):
    made()[0].save(tmp_path / "file")
    content = nx.load(tmp_path / "file")
    content["versions"]["neurenix"] = "0.0.1"
    stored = content["learner"]["settings"]
    stored["model.rest.1.old_name"] = "1"  # a layer's attributes were others
    del stored["model.rest.2.steps"]
    nx.save(content, tmp_path / "file")
    made()[0].load(tmp_path / "file")
    for change, words in (
        ({"p": 0.9}, "p=0.1 saved, 0.9 now"),
        ({"activation": nn.Tanh}, "ReLU saved, Tanh now"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            made(net=change)[0].load(tmp_path / "file")


def test_code_of_another_version_of_python_is_not_compared():
    one = "f(scale=2.0) code 3.11-0123456789ab"
    assert not differences({"f": one}, {"f": "f(scale=2.0) code 3.12-ba9876543210"})
    assert differences({"f": one}, {"f": "f(scale=2.0) code 3.11-ba9876543210"})
    assert differences({"f": one}, {"f": "f(scale=3.0) code 3.12-ba9876543210"})


# ---- another process -----------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import neurenix as nx
from test_identity import TASKS, Stop, described, made, train
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


# ---- texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHERS)
def test_texts_tell_values_apart(name):
    one, again = settings()[name], settings()[name]
    texts = [text_of(value) for value in (one, *OTHERS[name])]
    assert text_of(again) == texts[0]
    assert len(set(texts)) == len(texts)
    assert not any("0x" in text for text in texts)


def test_values_without_a_text_are_their_type():
    import threading

    tree = []
    tree.append(tree)
    cyclic = types.SimpleNamespace()
    cyclic.self = cyclic
    wide = [0]
    for _ in range(40):
        wide = [wide, wide]
    with open(os.devnull) as file:
        for value, expected in (
            (threading.Lock(), "_thread.lock"),
            (file, "_io.TextIOWrapper"),
            (iter([1]).__class__, "list_iterator"),
            (tree, "[<itself>]"),
            (cyclic, "types.SimpleNamespace(self=<itself>)"),
        ):
            assert text_of(value) == expected
    assert len(text_of(wide)) < 3000
    assert len(text_of(list(range(10**5)))) < 3000
    assert text_of(list(range(10**5))) != text_of(list(range(10**5 - 1)))


def test_globals_of_a_function_count(monkeypatch):
    before = text_of(helper), text_of(lambda x: helper(x))
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    after = text_of(helper), text_of(lambda x: helper(x))
    assert before[0] != after[0] and before[1] != after[1]


def recursive(n):
    return n * recursive(n - 1) if n else 1


def test_functions_that_name_themselves_have_a_text():
    assert text_of(recursive) == text_of(recursive)
    assert "<itself>" in text_of(recursive)


def test_where_a_function_stands_does_not_count():
    sources = (
        "def f(x):\n    '''One.'''\n    return x + 1",
        "\n\n\n# moved\ndef f(x):\n    '''Two.'''\n    # why\n    return x + 1",
    )
    found = []
    for number, source in enumerate(sources):
        space = {"__name__": f"module{number}"}
        exec(compile(source, f"file{number}.py", "exec"), space)
        found.append(text_of(space["f"]))
    assert found[0] == found[1]


def test_classification_tasks_by_their_labels():
    one, other = (generate_classification_tasks(2, seed=s) for s in (0, 1))
    learner = PrototypicalNetworks(MLP([20, 4]))
    assert learner.evaluate(one).task_key != learner.evaluate(other).task_key
