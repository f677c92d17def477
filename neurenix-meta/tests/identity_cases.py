"""A network with a setting of every kind, others of each, and a run of it."""

import dataclasses
import enum
import functools
import types

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn, optim
from neurenix.errors import InvalidArgumentError
from neurenix.meta import MAML, Callback, generate_regression_tasks

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


def in_order(parts):
    nested = [in_order(p) if isinstance(p, dict) else [p] for p in parts.values()]
    return [part for some in nested for part in some]


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
        first, last = in_order(self.parts)
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
        self.shape = shape or (nx.sign)

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


class Stop(Callback):
    def __init__(self, steps):
        self.left = steps

    def on_step_end(self, learner, event):
        self.left -= 1
        if not self.left:
            event.stop()


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
