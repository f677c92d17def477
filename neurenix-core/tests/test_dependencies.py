"""What a compiled function depends on, and what it does not: functions that it is given
or calls, what it only writes to, and what it refuses because it cannot look into it."""

from __future__ import annotations

import contextvars
import copy
import functools
import importlib
import itertools
import operator
import pickle
import random
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.errors import CaptureError


class Scale(nn.Module):
    def __init__(self, v: float) -> None:
        super().__init__()
        self.v = v

    def forward(self, x: Any) -> Any:
        return x * self.v


class Caller:
    def __init__(self, v: float) -> None:
        self.v = v

    def __call__(self, x: Any) -> Any:
        return x * self.v


# ---- functions among the arguments ---------------------------------------------------


def test_a_class_that_exec_has_made() -> None:
    """Its module's name is that of a library, or none."""
    space: dict[str, Any] = {}
    exec(
        """
from neurenix import nn
class Net(nn.Module):
    factor = 1.0
    def forward(self, x):
        return x * self.factor
""",
        space,
    )
    net = space["Net"]()
    f = nx.compile(lambda x: net(x), state=[net])
    for factor in (2.0, 3.0):
        net.factor = factor
        assert f(nx.tensor(1.0)).item() == factor


def test_functions_among_the_arguments() -> None:
    apply = nx.compile(lambda f, x: f(x))
    x, k = nx.tensor([2.0]), 3.0
    scale = lambda x: x * k  # noqa: E731
    caller = Caller(5.0)
    assert apply(scale, x).item() == 6.0 and apply(caller, x).item() == 10.0
    k, caller.v = 4.0, 6.0
    assert apply(scale, x).item() == 8.0 and apply(caller, x).item() == 12.0
    made = len(apply.entries)
    for _ in range(3):  # another function object, of the same code
        assert apply(lambda x: x * k, x).item() == 8.0
    assert len(apply.entries) == made + 1


# ---- code that is replaced -----------------------------------------------------------


def doubled(x: Any) -> Any:
    return x * 2.0


def tripled(x: Any) -> Any:
    return x * 3.0


def test_a_function_or_method_that_is_replaced(monkeypatch: Any) -> None:
    calls = nx.compile(lambda x: doubled(x))
    net = Scale(1.0)
    methods = nx.compile(lambda x: net(x), state=[net])
    x = nx.tensor([1.0])
    assert calls(x).item() == 2.0 and methods(x).item() == 1.0
    monkeypatch.setattr(doubled, "__code__", tripled.__code__)
    monkeypatch.setattr(Scale, "forward", lambda self, x: x * 5.0)
    assert calls(x).item() == 3.0 and methods(x).item() == 5.0
    monkeypatch.setitem(globals(), "doubled", lambda x: x * 7.0)
    assert calls(x).item() == 7.0
    monkeypatch.setitem(globals(), "abs", lambda x: x * 9.0)
    builtin = nx.compile(lambda x: abs(x))
    assert builtin(x).item() == 9.0
    monkeypatch.delitem(globals(), "abs")
    assert builtin(-x).item() == 1.0


def test_a_method_that_an_instance_replaces() -> None:
    net, x = Scale(2.0), nx.tensor([1.0])
    f = nx.compile(lambda x: net(x), state=[net])
    assert f(x).item() == 2.0
    net.forward = lambda x: x * 5.0  # type: ignore[method-assign]
    assert f(x).item() == 5.0
    del net.forward
    assert f(x).item() == 2.0 and len(f.entries) == 2


def test_names_that_stand_in_no_code() -> None:
    owner = types.SimpleNamespace(net=Plain())
    owner.net.config = Plain()
    owner.net.config.hidden, owner.net.config.steps = 2.0, 0
    get = operator.attrgetter("net.config.hidden")
    f, x = nx.compile(lambda x: x * get(owner)), nx.tensor([1.0])
    assert f(x).item() == 2.0
    owner.net.config.hidden = 3.0
    assert f(x).item() == 3.0
    owner.net.config.steps += 1
    assert f(x).item() == 3.0 and len(f.entries) == 2


class Plain:
    """Whatever attributes it is given."""

    config: Any
    hidden: float
    steps: int


INSTALLED = """
from neurenix import nn
RATE = 2.0

def scaled(x):
    return x * RATE

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self._gains = [1.0]

    def forward(self, x):
        return scaled(x) * self._gains[0]
"""


def test_an_installed_package_of_networks(tmp_path: Any, monkeypatch: Any) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "networks_of_a_test.py").write_text(INSTALLED, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    package = importlib.import_module("networks_of_a_test")
    net, x = package.Net(), nx.tensor([1.0])
    below = nn.Sequential(nn.Identity(), net)
    compiled = [
        nx.compile(lambda x: net(x), state=[net]),
        nx.compile(lambda x: below(x), state=[below]),
        nx.compile(package.scaled),
        nx.compile(lambda x: x * package.RATE),
    ]
    assert [f(x).item() for f in compiled] == [2.0] * 4
    package.RATE = 3.0
    assert [f(x).item() for f in compiled] == [3.0] * 4
    net._gains[0] = 2.0
    assert [f(x).item() for f in compiled] == [6.0, 6.0, 3.0, 3.0]


class Fast(nn.Module):
    """A module that holds its own compiled function."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter([2.0])
        self.fast = nx.compile(self.forward, state=[self])

    def forward(self, x: Any) -> Any:
        return x * self.weight


def test_a_copy_of_what_holds_a_compiled_function() -> None:
    net, x = Fast(), nx.tensor([1.0])
    assert net.fast(x).item() == 2.0
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        copied.weight.assign([5.0])
        assert copied.fast(x).item() == 5.0 and copied.fast.state[0] is copied
        assert net.fast(x).item() == 2.0 and len(copied.fast.entries) == 1


# ---- what is no dependency -----------------------------------------------------------


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls, self.history = 0, [1.0]
        self.log: dict[str, int] = {"calls": 0}

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.log["calls"] += 1
        self.history.append(1.0)
        return x * 2


COUNTS = [0]
CALLS = 0


def test_what_is_only_written_to_makes_no_new_program() -> None:
    net, seen, steps, last = Counting(), [], 0, {}
    trainer = types.SimpleNamespace(losses=[])

    def f(x: Any) -> Any:
        nonlocal steps
        global CALLS
        steps += 1
        CALLS += 1
        COUNTS[0] += 1
        seen.append(1)
        last["x"] = x.shape
        return net(x)

    compiled = nx.compile(f, state=[net])
    for _ in range(4):
        trainer.losses.append(compiled(nx.ones(2)).numpy())
        net.losses = trainer.losses
        net.history.append(2.0)  # which f only writes to
    assert len(compiled.entries) == 1 and compiled.stats().misses == 1
    assert steps == len(seen) == COUNTS[0] == net.calls == 1


class Trainer:
    """Whose step is compiled, and whose other attributes are its own."""

    def __init__(self) -> None:
        self.net, self.rate = nn.Linear(2, 1), 0.5
        self.history: list[float] = []
        self.steps = 0
        self.lock, self.source = object(), iter(range(100))
        self.unread = {"sources": [iter([1])]}
        self.compiled = nx.compile(self.step, state=[self.net])

    def step(self, x: Any) -> Any:
        return self.net(x).sum() * self.rate

    def fit(self, x: Any) -> None:
        for _ in range(5):
            next(self.source)
            self.history.append(self.compiled(x).item())
            self.steps += 1


def test_a_method_of_an_object_that_changes_otherwise() -> None:
    trainer, x = Trainer(), nx.ones(1, 2)
    trainer.fit(x)
    assert len(trainer.compiled.entries) == 1
    trainer.rate = 2.0
    trainer.fit(x)
    assert trainer.history[-1] == 4 * trainer.history[0]
    trainer.net.weight = nn.Parameter([[5.0, 6.0]])
    assert trainer.compiled(x).item() == trainer.step(x).item()


# ---- what is refused -----------------------------------------------------------------

GENERATOR = np.random.default_rng(0)
CONTEXT = contextvars.ContextVar("CONTEXT", default=1.0)
LOCAL = threading.local()


def refused_iterator() -> tuple[Any, str]:
    numbers = iter([1.0] * 9)
    return lambda x: x * next(numbers), "`numbers`, a builtins.list_iterator"


def refused_bound_method() -> tuple[Any, str]:
    following = iter([1.0] * 9).__next__
    return lambda x: x * following(), "`following's self`"


def refused_partial() -> tuple[Any, str]:
    following = functools.partial(next, iter([1.0] * 9))
    return lambda x: x * following(), r"`following's args\[0\]`"


def refused_count() -> tuple[Any, str]:
    net = nn.Identity()
    net.count = itertools.count()
    return lambda x: x * next(net.count), r"`net\.count`, a itertools\.count"


def refused_generator() -> tuple[Any, str]:
    return lambda x: x * float(GENERATOR.random()), r"`GENERATOR`.*nx\.random"


def refused_random_state() -> tuple[Any, str]:
    held = {"rng": np.random.RandomState(0)}
    return lambda x: x * held["rng"].rand(), r"`held\['rng'\]`"


def refused_of_numpy() -> tuple[Any, str]:
    return lambda x: x * np.random.rand(), r"`numpy\.random`"


def refused_of_python() -> tuple[Any, str]:
    return lambda x: x * random.random(), "`random`"


def refused_python_generator() -> tuple[Any, str]:
    numbers = (k for k in (1.0, 2.0))
    return lambda x: x * next(numbers), "`numbers`, a builtins.generator"


@pytest.mark.parametrize(
    "make",
    [
        refused_iterator,
        refused_bound_method,
        refused_partial,
        refused_count,
        refused_generator,
        refused_random_state,
        refused_of_numpy,
        refused_of_python,
        refused_python_generator,
    ],
    ids=lambda f: f.__name__,
)
def test_what_cannot_be_looked_into_is_refused_by_name(make: Any) -> None:
    f, name = make()
    compiled = nx.compile(f)
    for _ in range(2):
        with pytest.raises(CaptureError, match=name):
            compiled(nx.ones(1))
    with pytest.raises(CaptureError, match="pass it as an argument"):
        nx.compile(lambda x: compiled(x))(nx.ones(1))


class Numbered(nn.Module):
    """Its constructor draws and counts; its forward does not."""

    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.numbers)
        self.weight = nn.Parameter(GENERATOR.normal(size=2))

    def forward(self, x: Any) -> Any:
        return x * self.weight if isinstance(self, Numbered) else x


def test_what_is_named_and_not_drawn_from_is_not_refused() -> None:
    net = Numbered()
    f = nx.compile(lambda x: net(x), state=[net])
    for _ in range(3):
        other = Numbered()
        assert np.array_equal(f(nx.ones(2)).numpy(), net.weight.numpy())
    assert len(f.entries) == 1 and other.number > net.number


def test_values_of_a_context_and_of_a_thread() -> None:
    def both(x: Any) -> Any:
        return x * CONTEXT.get() * LOCAL.scale

    f, x = nx.compile(both), nx.tensor([1.0])
    LOCAL.scale = 2.0
    assert f(x).item() == 2.0
    context = contextvars.copy_context()
    context.run(CONTEXT.set, 3.0)
    assert context.run(f, x).item() == 6.0 and f(x).item() == 2.0

    def elsewhere(scale: float) -> float:
        LOCAL.scale = scale
        return float(f(x).item())

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere, 5.0).result() == 5.0
        LOCAL.scale = 7.0
        assert f(x).item() == 7.0 and pool.submit(elsewhere, 6.0).result() == 6.0
