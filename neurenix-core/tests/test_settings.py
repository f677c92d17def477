"""Whatever a setting is, and wherever it stands: a compiled call after a change gives
what the plain function gives."""

from __future__ import annotations

import array
import enum
import functools
import sys
import types
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import neurenix as nx
from neurenix import nn
from neurenix.dtypes import Dtype

# ---- kinds of settings ---------------------------------------------------------------


class Level(enum.Enum):
    TWO = 2.0
    THREE = 3.0


class Whole(enum.IntEnum):
    TWO = 2
    THREE = 3


Pair = namedtuple("Pair", "a b")


@dataclass
class Config:
    a: float
    more: dict[str, Any] = field(default_factory=dict)


class Plain:
    def __init__(self, a: float) -> None:
        self.a = a


class Slotted:
    __slots__ = ("a",)

    def __init__(self, a: float) -> None:
        self.a = a


class Hidden:
    def __init__(self, a: float) -> None:
        self._value = a

    @property
    def a(self) -> float:
        return self._value


class Computed:
    def __init__(self, a: float) -> None:
        self._values = {"a": a}

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["_values"][name]


class Amount:
    def __init__(self, a: float) -> None:
        self.number = a

    def __call__(self) -> float:
        return self.number

    def given(self) -> float:
        return self.number


class Named(dict):  # type: ignore[type-arg]
    __getattr__ = dict.__getitem__


def closing_over(k: float) -> Callable[[], float]:
    return lambda: k


def by_default(k: float) -> Callable[[], float]:
    def given(value: float = k) -> float:
        return value

    return given


def by_keyword_default(k: float) -> Callable[[], float]:
    def given(*, value: float = k) -> float:
        return value

    return given


def identity(k: float) -> float:
    return k


def number_of(v: Any) -> float:
    """A number that a setting stands for."""
    if isinstance(v, (bool, int, float, complex, np.generic)):
        return float(v.real)
    if isinstance(v, str):
        return float(v)
    if isinstance(v, (Dtype, np.dtype)):
        return float(v.itemsize)
    if isinstance(v, enum.Enum):
        return number_of(v.value)
    if isinstance(v, type):
        return float(np.dtype(v).itemsize)
    if isinstance(v, slice):
        return number_of(v.stop)
    if callable(v):
        return number_of(v())
    if isinstance(v, (dict, UserDict, types.MappingProxyType)):
        return number_of(v["a"])
    if hasattr(v, "a"):
        return number_of(v.a)
    if isinstance(v, (set, frozenset, range)):
        return number_of(max(v))
    if isinstance(v, np.ndarray):
        return float(v.reshape(-1)[0])
    return number_of(v[0])


def put(name: str) -> Callable[[Any, Any], None]:
    return lambda v, k: setattr(v, name, k)


def item(key: Any) -> Callable[[Any, Any], None]:
    return lambda v, k: v.__setitem__(key, k)


def only(v: Any, k: Any) -> None:
    v.clear()
    v.add(k)


# How one is made of a number; how it is changed in place, if it can be.
SETTINGS: dict[str, tuple[Callable[[int], Any], Callable[[Any, Any], None] | None]] = {
    "bool": (lambda k: k == 3, None),
    "int": (int, None),
    "float": (float, None),
    "complex": (complex, None),
    "str": (str, None),
    "numpy float32": (np.float32, None),
    "numpy int64": (np.int64, None),
    "numpy bool": (lambda k: np.bool_(k == 3), None),
    "array of rank 0": (lambda k: np.array(float(k)), item(())),
    "array": (lambda k: np.full(3, float(k)), item(0)),
    "large array": (lambda k: np.full(5000, float(k)), item(0)),
    "array of objects": (lambda k: np.array([[k]], object), item((0, 0))),
    "view": (lambda k: np.full((2, 3), float(k))[:, ::2], item((0, 0))),
    "bytearray": (lambda k: bytearray([k]), item(0)),
    "array.array": (lambda k: array.array("d", [k]), item(0)),
    "tuple": (lambda k: (k, 1), None),
    "list": (lambda k: [float(k)], item(0)),
    "list of numpy": (lambda k: [np.float32(k)], item(0)),
    "deque": (lambda k: deque([k]), item(0)),
    "dict": (lambda k: {"a": k}, item("a")),
    "OrderedDict": (lambda k: OrderedDict(a=k), item("a")),
    "defaultdict": (lambda k: defaultdict(int, a=k), item("a")),
    "UserDict": (lambda k: UserDict(a=k), item("a")),
    "dict subclass": (lambda k: Named(a=k), item("a")),
    "mapping proxy": (lambda k: types.MappingProxyType({"a": k}), None),
    "set": (lambda k: {k}, only),
    "frozenset": (lambda k: frozenset({k}), None),
    "nested": (lambda k: ({"a": [1, k]}["a"][1:],), lambda v, k: item(0)(v[0], k)),
    "nested array": (
        lambda k: [{"a": np.full(2, float(k))}],
        lambda v, k: v[0]["a"].fill(k),
    ),
    "namedtuple": (lambda k: Pair(k, 1), None),
    "namespace": (lambda k: types.SimpleNamespace(a=k), put("a")),
    "dataclass": (lambda k: Config(k), put("a")),
    "object": (lambda k: Plain(k), put("a")),
    "object with slots": (lambda k: Slotted(k), put("a")),
    "object with a property": (lambda k: Hidden(k), put("_value")),
    "object with __getattr__": (lambda k: Computed(k), None),
    "Enum": (lambda k: Level(float(k)), None),
    "IntEnum": (lambda k: Whole(k), None),
    "slice": (lambda k: slice(0, k), None),
    "range": (lambda k: range(k), None),
    "dtype": (lambda k: [nx.float32, nx.float64][k - 2], None),
    "numpy dtype": (lambda k: np.dtype(["f4", "f8"][k - 2]), None),
    "numpy type": (lambda k: [np.float32, np.float64][k - 2], None),
    "lambda": (closing_over, None),
    "function with a default": (by_default, put("__defaults__")),
    "with a keyword default": (by_keyword_default, None),
    "partial": (lambda k: functools.partial(identity, k), None),
    "partial by keyword": (
        lambda k: functools.partial(identity, k=k),
        lambda v, k: item("k")(v.keywords, k),
    ),
    "callable object": (lambda k: Amount(k), put("number")),
    "bound method": (
        lambda k: Amount(k).given,
        lambda v, k: put("number")(v.__self__, k),
    ),
    "built-in method": (lambda k: [k].copy, lambda v, k: item(0)(v.__self__, k)),
    "cached function": (lambda k: functools.lru_cache(closing_over(k)), None),
    "list of lambdas": (
        lambda k: [closing_over(k)],
        lambda v, k: item(0)(v, closing_over(k)),
    ),
}
VALUES_IN_PLACE = {"function with a default": lambda k: (k,)}

# ---- where a setting stands: a function of x, its state, and how it is replaced ------

Place = tuple[Callable[..., Any], list[Any], Callable[[Any], None]]
SETTING: Any = None


class Scale(nn.Module):
    kind: Any = None

    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self.v = self._v = self.__v = value

    def forward(self, x: Any) -> Any:
        return x * number_of(self.v)

    def private(self, x: Any) -> Any:
        return x * number_of(self._v)

    def mangled(self, x: Any) -> Any:
        return x * number_of(self.__v)

    def by_name(self, x: Any) -> Any:
        return x * number_of(getattr(self, f"{'v'}"))

    def of_the_class(self, x: Any) -> Any:
        return x * number_of(type(self).kind)

    def inherited(self, x: Any) -> Any:
        return x * number_of(self.kind)


def of_a_module(method: str, name: str) -> Callable[[Any], Place]:
    def place(value: Any) -> Place:
        net = Scale(value)
        bound = getattr(net, method)
        return lambda x: bound(x), [net], lambda v: setattr(net, name, v)

    return place


def called_method(value: Any) -> Place:
    net = Scale(value)
    return net.forward, [net], lambda v: setattr(net, "v", v)


def below(value: Any) -> Place:
    net = nn.Sequential(nn.Identity(), Scale(value))
    return net, [net], lambda v: setattr(net[1], "v", v)


def held_object(value: Any) -> Place:
    net = nn.Identity()
    net.config = Plain(value)
    return lambda x: x * number_of(net.config.a), [net], put_in(net.config, "a")


def put_in(owner: Any, name: str) -> Callable[[Any], None]:
    return lambda v: setattr(owner, name, v)


def class_attribute(method: str) -> Callable[[Any], Place]:
    def place(value: Any) -> Place:
        class Own(Scale):
            pass

        def change(v: Any) -> None:  # a function is no method here
            Own.kind = staticmethod(v) if isinstance(v, types.FunctionType) else v

        change(value)
        bound = getattr(Own(), method)
        return bound, [bound.__self__], change

    return place


def closure(value: Any) -> Place:
    def change(v: Any) -> None:
        nonlocal value
        value = v

    return lambda x: x * number_of(value), [], change


def closure_of_a_comprehension(value: Any) -> Place:
    inner, _, change = closure(value)
    return lambda x: sum((lambda: inner(x))() for _ in range(2)), [], change


set_global = functools.partial(globals().__setitem__, "SETTING")


def of_a_global(value: Any) -> Place:
    set_global(value)
    return lambda x: x * number_of(SETTING), [], set_global


def through_a_call(x: Any) -> Any:
    return deeper(x)


def deeper(x: Any) -> Any:
    return x * sum(number_of(SETTING) for _ in range(1))


def of_a_called_function(value: Any) -> Place:
    set_global(value)
    return lambda x: through_a_call(x), [], set_global


def of_a_called_closure(value: Any) -> Place:
    f, _, change = closure(value)
    return lambda x: f(x) + 1.0, [], change


def of_a_wrapped_function(value: Any) -> Place:
    f, _, change = closure(value)

    @functools.wraps(f)
    def wrapper(*args: Any) -> Any:
        return f(*args)

    return nx.remat(nx.vmap(wrapper)), [], change


def default(value: Any) -> Place:
    def f(x: Any, v: Any = value) -> Any:
        return x * number_of(v)

    return f, [], lambda v: setattr(f, "__defaults__", (v,))


def partial(value: Any) -> Place:
    held = {"v": value}
    f = functools.partial(lambda x, held: x * number_of(held["v"]), held=held)
    return f, [], lambda v: held.update(v=v)


class Caller:
    def __init__(self, v: Any) -> None:
        self.v = v

    def __call__(self, x: Any) -> Any:
        return x * number_of(self.v)

    def method(self, x: Any) -> Any:
        return self(x)


def callable_object(value: Any) -> Place:
    caller = Caller(value)
    return caller, [], put_in(caller, "v")


def bound_method(value: Any) -> Place:
    caller = Caller(value)
    return caller.method, [], put_in(caller, "v")


def imported_module(value: Any) -> Place:
    module = types.ModuleType("settings_of_a_test")
    module.alpha = value  # type: ignore[attr-defined]
    sys.modules["settings_of_a_test"] = module
    return lambda x: x * number_of(module.alpha), [], put_in(module, "alpha")


def imported_within(value: Any) -> Place:
    def f(x: Any) -> Any:
        from settings_of_a_test import alpha  # type: ignore[import-not-found]

        return x * number_of(alpha)

    return f, [], imported_module(value)[2]


def function_attribute(value: Any) -> Place:
    def f(x: Any) -> Any:
        return x * number_of(f.v)  # type: ignore[attr-defined]

    f.v = value  # type: ignore[attr-defined]
    return f, [], put_in(f, "v")


def nested(value: Any) -> Place:
    f, _, change = closure(value)
    inner = nx.compile(f)
    return lambda x: inner(x) + inner(x), [], change


class OwnState:
    """State that is no module."""

    def __init__(self, v: Any) -> None:
        self.v, self.total = v, nx.Cell(nx.tensor(0.0), name="total")

    def state_cells(self) -> dict[str, nx.Cell]:
        return {"total": self.total}


def own_state(value: Any) -> Place:
    state = OwnState(value)
    return lambda x: x * number_of(state.v) + state.total, [state], put_in(state, "v")


PLACES: dict[str, Callable[[Any], Place]] = {
    "module": of_a_module("forward", "v"),
    "private": of_a_module("private", "_v"),
    "mangled": of_a_module("mangled", "_Scale__v"),
    "by a computed name": of_a_module("by_name", "v"),
    "class, by type()": class_attribute("of_the_class"),
    "class": class_attribute("inherited"),
    "own method": called_method,
    "module below": below,
    "object of a module": held_object,
    "closure": closure,
    "closure within": closure_of_a_comprehension,
    "global": of_a_global,
    "global of what is called": of_a_called_function,
    "closure of what is called": of_a_called_closure,
    "closure of what is wrapped": of_a_wrapped_function,
    "default": default,
    "partial": partial,
    "callable object": callable_object,
    "bound method": bound_method,
    "imported module": imported_module,
    "imported within": imported_within,
    "function attribute": function_attribute,
    "nested compile": nested,
    "own state": own_state,
}


def agree(compiled: Any, f: Any) -> float:
    x = nx.tensor([2.0])
    found, expected = compiled(x).item(), f(x).item()
    assert found == expected
    return float(found)


def check(place: Callable[[Any], Place], setting: str) -> None:
    make, change_in_place = SETTINGS[setting]
    f, state, replace = place(make(2))
    compiled = nx.compile(f, state=state)
    first = agree(compiled, f)
    now = make(3)
    replace(now)
    assert agree(compiled, f) != first
    if change_in_place is not None:
        value = VALUES_IN_PLACE.get(setting, lambda k: k)(7)
        change_in_place(now, value)
        seventh = agree(compiled, f)
        assert seventh not in (first, agree(nx.compile(f, state=state), f) + 1.0)
    made = len(compiled.entries)
    replace(make(2))
    assert agree(compiled, f) == first
    agree(compiled, f)
    assert len(compiled.entries) <= made + 1


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("place", ["module", "closure", "global of what is called"])
def test_every_kind_of_setting(place: str, setting: str) -> None:
    check(PLACES[place], setting)


@pytest.mark.parametrize("setting", ["float", "list", "lambda", "namespace"])
@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_a_setting(place: str, setting: str) -> None:
    check(PLACES[place], setting)


def test_equal_settings_share_a_program() -> None:
    net = Scale([2.0])
    f = nx.compile(lambda x: net(x), state=[net])
    for value in ([2.0], [2.0], [3.0], [2.0]):
        net.v = value
        f(nx.ones(1))
    assert len(f.entries) == 2
