"""Writes values as text: equal ones alike in every process, others differently.

The text depends on no address, hash or line number. Saved runs are compared by it.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

import neurenix as nx
from neurenix.program import Symbol
from neurenix.state.cell import Cell

from ..datasets.base import ClassDataset
from ..digests import digest_of
from .code_as_text import code_digest, docstrings, is_library, references

# Longer texts end in a digest of all; so does an array of more numbers.
LONGEST = 2000
_SHOWN = 1000
_NUMBERS = 16
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type(...))
_FUNCTIONS = (types.BuiltinFunctionType, np.ufunc)


def text_of(value: Any, names: Mapping[int, str] = types.MappingProxyType({})) -> str:
    """The text of a value; an object whose id is in `names` is written as its name.

    Objects are described by what pickle would keep of them (`__reduce_ex__`), a user's
    functions by their code and by the values that it refers to, arrays by digest. What
    has no such description (a lock, an open file) is its type.

    >>> text_of({"b": (1, 2.0), "a": np.float32(0.5), "f": nx.relu})
    "{'b': (1, 2.0), 'a': float32(0.5), 'f': relu}"
    >>> text_of(np.zeros((2, 2))), text_of(np.zeros((99, 99))).partition("#")[0]
    ('float64[2, 2] [[0.0, 0.0], [0.0, 0.0]]', 'float64[99, 99] ')
    """
    plain = type(value) in _PLAIN  # most are, and need no writer
    return _cut(repr(value)) if plain else _Writer(names).text(value)


class _Writer:
    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.begun: set[int] = set()
        self.done: dict[int, tuple[Any, str]] = {}  # kept alive: no other gets the id

    def text(self, value: Any) -> str:
        if type(value) in _PLAIN:
            return _cut(repr(value))
        key = id(value)
        if key in self.names:
            return f"<{self.names[key]}>"
        if key in self.done:
            return self.done[key][1]
        if key in self.begun:
            return "<itself>"
        self.begun.add(key)
        found = _cut(self._text(value))
        self.begun.remove(key)
        self.done[key] = value, found
        return found

    def _text(self, value: Any) -> str:
        if isinstance(value, enum.Enum):
            return f"{name_of(type(value))}.{value.name or value.value!r}"
        if isinstance(value, np.generic):
            return f"{value.dtype.name}({value.item()!r})"
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, nx.Tensor):
            return self._tensor(value)
        if isinstance(value, nx.Generator):
            return repr(value)
        if isinstance(value, ClassDataset):
            return f"{name_of(type(value))} #{value.digest[:16]}"
        if isinstance(value, type):
            return name_of(value)
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if isinstance(value, types.CodeType):
            return code_digest(value, self.text)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return f"{self.text(value.__func__)} of {self.text(value.__self__)}"
        if isinstance(value, nx.Compiled):
            return f"compiled {self.text(value.f)}"
        if "__wrapped__" in getattr(value, "__dict__", ()):  # functools.cache
            return f"{name_of(type(value))}({self.text(value.__wrapped__)})"
        if isinstance(value, functools.partial):
            return self._call("partial", [value.func, *value.args], value.keywords)
        if isinstance(value, _FUNCTIONS):
            owner = getattr(value, "__self__", None)
            bound = not isinstance(owner, (type(None), types.ModuleType))
            place = getattr(value, "__module__", None) or type(value).__module__
            of = f" of {self.text(owner)}" if bound else ""
            return f"{place}.{value.__name__}{of}"
        return self._container(value)

    def _container(self, value: Any) -> str:
        kind = type(value)
        if isinstance(value, (list, tuple)):
            items = ", ".join(map(self.text, value))
            return _of(kind, f"[{items}]" if isinstance(value, list) else f"({items})")
        if isinstance(value, (dict, types.MappingProxyType)):
            pairs = (f"{self.text(k)}: {self.text(v)}" for k, v in value.items())
            return _of(kind, f"{{{', '.join(pairs)}}}")
        if isinstance(value, (set, frozenset)):
            return _of(kind, f"{{{', '.join(sorted(map(self.text, value)))}}}")
        return self._object(value)

    def _object(self, value: Any) -> str:
        kind = name_of(type(value))
        try:
            kept = value.__reduce_ex__(4)
        except Exception:  # noqa: BLE001 - whatever a lock, a file, an iterator says
            return kind
        if isinstance(kept, str):  # the name of something global
            return f"{kind} {kept}"
        reduced: tuple[Any, ...] = (*kept, None, None, None)
        made, args, state, items, pairs = reduced[:5]
        called = [] if getattr(made, "__module__", None) == "copyreg" else [made]
        positional = [part for part in (*called, *args) if part is not type(value)]
        named: dict[str, Any] = {}
        # Of an object with slots, the state is a pair: its `__dict__`, and the slots.
        is_pair = isinstance(state, tuple) and len(state) == 2
        parts: Any = state if is_pair else (state,)
        if all(p is None or isinstance(p, dict) for p in parts):
            for part in parts:
                named.update({str(n): v for n, v in (part or {}).items()})
        else:
            positional.append(state)
        positional += [] if items is None else list(items)
        positional += [] if pairs is None else [dict(pairs)]
        return self._call(kind, positional, dict(sorted(named.items())))

    def _call(self, kind: str, args: Iterable[Any], named: Mapping[str, Any]) -> str:
        given = [*map(self.text, args), *(f"{n}={self.text(named[n])}" for n in named)]
        return f"{kind}({', '.join(given)})"

    def _array(self, array: Any) -> str:
        if isinstance(array, np.ma.MaskedArray):
            mask = np.ma.getmaskarray(array)
            return f"masked({self.text(array.data)}, {self.text(mask)})"
        kind = f"{array.dtype.name}{list(array.shape)}"
        if array.size <= _NUMBERS or array.dtype.kind not in "biufcSUmM":
            return f"{kind} {self.text(array.tolist())}"
        return f"{kind} #{digest_of([array])[:16]}"

    def _tensor(self, value: nx.Tensor) -> str:
        kind = f"{type(value).__name__} {value.dtype.name}{list(value.shape)}"
        if isinstance(value, Cell) or isinstance(value.data, Symbol):
            return kind  # what a cell holds is state; what was captured has no value
        wide = value.to(nx.float32) if value.dtype is nx.bfloat16 else value
        return f"{type(value).__name__} {self._array(wide.numpy())}"

    def _function(self, function: types.FunctionType) -> str:
        """Its name, its code, and the values that this refers to."""
        place = function.__globals__.get("__name__")
        library = is_library(place)
        name = function.__qualname__ if library else function.__name__
        if library and not str(place).startswith("neurenix"):
            name = f"{place}.{name}"
        values = [*references(function, only_closure=library)]
        if function.__defaults__:
            values.append(("defaults", function.__defaults__))
        for named in (function.__kwdefaults__ or {}, function.__dict__):
            values += named.items()
        shown = [f"{n}={self.text(value)}" for n, value in values]
        with_values = f"{name}({', '.join(shown)})" if shown else name
        if library:
            return with_values
        code = code_digest(function.__code__, self.text, docstrings(function))
        return f"{with_values}{code}"


def name_of(kind: type) -> str:
    """A class by its name; of a library other than this one, with its module."""
    if is_library(kind.__module__) and not kind.__module__.startswith("neurenix"):
        place = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        return f"{place}{kind.__qualname__}"
    return kind.__name__


def _of(kind: type, text: str) -> str:
    plain = (list, tuple, dict, set, frozenset)
    return text if kind in plain else f"{name_of(kind)}{text}"


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:_SHOWN]}… #{hashlib.sha256(ascii(text).encode()).hexdigest()[:16]}"
