"""Describes learners, optimizers and schedules by texts, by which files are compared.

Two that give different results differ in at least one text."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, Generic, TypeVar

import neurenix as nx
from neurenix import nn, optim
from neurenix.state.cell import Cell

from .code_as_text import is_library, same_code
from .values_as_text import name_of, text_of

Texts = dict[str, str]
# What a file is compared by: a learner, what trains it, and how its rate changes.
Owner = nn.Module | optim.Optimizer | optim.Schedule
T = TypeVar("T")

# What a subclass computes with; its code counts where a user wrote it.
_FORMULAS = ("forward", "task_loss", "update", "prepare", "value")
# Of optimizers and schedules: what their state has, and whom they belong to.
_STATE = {
    *("epoch", "initial_lr", "optimizer"),
    *("params", "_cells", "_made_for", "_shared"),
    *("_initial", "_rates", "_corrections", "_own", "_now", "_apart"),
}
_SHOWN_ONLY = {"extra_repr"}  # a method of which no result comes
_SHOWN = 3  # differences in one message
_AROUND = 60  # characters of a text around where two begin to differ


class _ByOwner(Generic[T]):
    """Keeps a value for each owner while the owner lives; it need not be hashable."""

    def __init__(self) -> None:
        self.held: dict[int, tuple[weakref.ref[Any], T]] = {}

    def __getitem__(self, owner: object) -> T | None:
        return self.held[id(owner)][1] if id(owner) in self.held else None

    def __setitem__(self, owner: object, value: T | None) -> None:
        key, held = id(owner), self.held
        if value is None:
            held.pop(key, None)
        else:
            held[key] = weakref.ref(owner, lambda _: held.pop(key, None)), value


# What `train` and `eval` have set: training and evaluation set their own mode.
_MODE = "_training"

# By owner, the texts that training itself has changed: before it and after it.
_changed = _ByOwner[dict[str, tuple["str | None", "str | None"]]]()
# By owner whose training is under way, its texts before it.
_under_way = _ByOwner[Texts]()


def described(owner: Owner) -> Texts:
    """The texts of an owner by name; where training alone has changed something (a
    counter, a cache), as it was before. Names that end in ":" are of parts, the others
    of settings.

    >>> net = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Dropout(0.5))
    >>> for name, text in described(net).items():
    ...     print(name, text)
    : Sequential
    0: Linear
    0.in_features 1
    0.out_features 2
    0.bias None
    1: Dropout
    1.p 0.5
    1.generator None
    0.weight.dtype float32
    0.weight.requires_grad True
    """
    begun = _under_way[owner]
    if begun is not None:
        return begun
    now = _described(owner)
    for name, (before, after) in (_changed[owner] or {}).items():
        if now.get(name) == after:
            if before is None:
                now.pop(name, None)
            else:
                now[name] = before
    return now


@contextmanager
def unchanged_by_training(owners: Iterable[tuple[Owner, Texts]]) -> Iterator[None]:
    """Whatever changes within, starting from these texts, training has changed."""
    before = [(o, texts) for o, texts in owners if _under_way[o] is None]
    for owner, texts in before:
        _under_way[owner] = texts
    try:
        yield
    finally:
        for owner, texts in before:
            _under_way[owner] = None
            count_as_training(owner, texts)


def before_use(learner: nn.Module) -> Texts | None:
    """The texts that `count_as_training` gets after an evaluation; None if no layer can
    have changed: Neurenix's own keep no counters."""
    written = any(not is_library(type(m).__module__) for m in learner.modules())
    return described(learner) if written and _under_way[learner] is None else None


def count_as_training(owner: Owner, before: Texts | None) -> None:
    """Counts the differences from `before` as made by use, not by a user's setting."""
    if before is not None:
        now = _described(owner)
        _changed[owner] = {
            name: (before.get(name), now.get(name))
            for name in {**before, **now}
            if before.get(name) != now.get(name)
        }


def differences(
    saved: Mapping[str, str], now: Mapping[str, str], ignored: Iterable[str] = ()
) -> list[str]:
    """What differs, with both values.

    >>> differences({"1:": "ReLU", "2.p": "0.1"}, {"1:": "Tanh", "2.p": "0.9"})
    ['1: ReLU saved, Tanh now', '2.p=0.1 saved, 0.9 now']
    """
    found = []
    for name in {**saved, **now}:
        one, other = saved.get(name, "nothing"), now.get(name, "nothing")
        if one == other or same_code(one, other) or name in ignored:
            continue
        if name.rpartition(".")[2] == _MODE:  # files of before have it
            continue
        one, other = _around(one, other)
        path, dot, last = name.rpartition(".")
        shown = f"{path}{dot}{last.lstrip('_')}"
        between = " " if name.endswith(":") else "="
        found.append(f"{shown}{between}{one} saved, {other} now")
    both = {n for n in saved.keys() & now.keys() if n.endswith(":") and n != ":"}
    one_order, other_order = (
        ", ".join(n[:-1] for n in texts if n in both) for texts in (saved, now)
    )
    if not found and one_order != other_order:
        one, other = _around(one_order, other_order)
        found.append(f"order of parts: {one} saved, {other} now")
    return found


def listed(found: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(found) - _SHOWN
    tail = f"; and {more} more" if more > 0 else ""
    return "; ".join(found[:_SHOWN]) + tail


def _around(one: str, other: str) -> tuple[str, str]:
    """Long texts from shortly before where they differ."""
    if max(len(one), len(other)) <= 2 * _AROUND:
        return one, other
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    start = max(0, same - _AROUND // 2)
    parts = [text[start : start + _AROUND] for text in (one, other)]
    parts = [
        f"{'…' if start else ''}{part}{'…' if start + _AROUND < len(text) else ''}"
        for part, text in zip(parts, (one, other))
    ]
    return parts[0], parts[1]


def _described(owner: Owner) -> Texts:
    if isinstance(owner, nn.Module):
        return _of_module(owner)
    return _of_optimizer(owner)


def _of_module(root: nn.Module) -> Texts:
    """Of each part its type, and its attributes that are no parts themselves."""
    parts: list[tuple[str, nn.Module]] = []
    taken: set[str] = set()
    names: dict[int, str] = {id(nx.random.default_generator): "default generator"}
    for path, module in root.named_modules():
        while path in taken:  # {"a.b": ..., "a": {"b": ...}}
            path = f"{path}#"
        taken.add(path)
        parts.append((path, module))
        names[id(module)] = path or "the whole"
    cells = root.named_cells()
    names.update((id(cell), name) for name, cell in cells.items())
    streams = {id(g): g for _, module in parts for g in module.generators()}
    for number, stream in enumerate(streams):
        names.setdefault(stream, f"random stream {number}")
    found: Texts = {}
    for path, module in parts:
        found[f"{path}:"] = name_of(type(module))
        before = f"{path}." if path else ""
        own = {
            name: value
            for name, value in _attributes(module)
            if names.get(id(value)) != f"{before}{name}"
        }
        found.update((f"{before}{n}", text_of(v, names)) for n, v in own.items())
    for name, cell in cells.items():
        found[f"{name}.dtype"] = cell.dtype.name
        if isinstance(cell, nn.Parameter):
            found[f"{name}.requires_grad"] = repr(cell.requires_grad)
        else:
            found[f"{name}.reduction"] = repr(cell.reduction)
    return found


def _of_optimizer(owner: optim.Optimizer | optim.Schedule) -> Texts:
    if isinstance(owner, optim.Optimizer):
        names = {id(c): n for n, c in owner.state_cells().items()}
        found = {
            "lr": ", ".join(map(repr, owner.rates())),
            "params": text_of([p.name for p in owner.params]),
        }
    else:
        names, found = {}, {}
    for name, value in _attributes(owner):
        if isinstance(value, optim.Schedule):
            inner = _of_optimizer(value)
            found[f"{name}:"] = name_of(type(value))
            found.update((f"{name}.{n}", text) for n, text in inner.items())
        elif name not in _STATE and not _is_state(value):
            found[name] = text_of(value, names)
    return found


def _attributes(owner: Owner) -> Iterator[tuple[str, Any]]:
    """Its attributes and, where a user wrote the class, those that stand in it."""
    without = {"training", _MODE, *getattr(owner, "without_effect", ())}
    found = {n: v for n, v in vars(owner).items() if n not in without}
    formulas = _formulas(type(owner))
    for kind in type(owner).__mro__:
        if is_library(kind.__module__):
            continue
        for name, value in vars(kind).items():
            plain = not name.startswith(("__", "_abc_")) and not _is_method(value)
            if (plain or name in formulas) and name not in without:
                found.setdefault(name, formulas.get(name, value))
    return iter(found.items())


def _formulas(kind: type) -> dict[str, Any]:
    """The methods that a user wrote and that results come of: those that the library
    calls, and what these name in their turn."""
    written: dict[str, Any] = {}
    called: set[str] = set(_FORMULAS)
    for base in kind.__mro__:
        if is_library(base.__module__):
            called.update(vars(base))
        else:
            for name, value in vars(base).items():
                function = getattr(value, "fget", getattr(value, "__func__", value))
                if isinstance(function, FunctionType) and not name.startswith("__"):
                    written.setdefault(name, function)
    found: dict[str, Any] = {}
    reached = [name for name in written if name in called - _SHOWN_ONLY]
    while reached:
        name = reached.pop()
        if name not in found:
            found[name] = written[name]
            reached += [n for n in _names_in(written[name].__code__) if n in written]
    return found


def _names_in(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*map(_names_in, inner))


def _is_state(value: object) -> bool:
    return isinstance(value, Cell) or (
        isinstance(value, list) and all(isinstance(item, Cell) for item in value)
    )


def _is_method(value: object) -> bool:
    return hasattr(type(value), "__get__") or isinstance(value, type)
