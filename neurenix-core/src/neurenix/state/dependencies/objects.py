"""Keys of objects: their class's code, and those of their attributes that matter."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from ...attributes import SCALARS, Watched
from ..cell import Cell
from ..protocol import State
from .checks import MISSING, Checks
from .consumed import position, refusal
from .user_code import origin, top_of
from .walk import Path, Same, Walk, parts

_PARTS = (Cell, Watched)
_SETTINGS = (*SCALARS, tuple, list, dict, set, np.ndarray, np.generic)
# Methods with double underscores that no operation on an object calls.
_NOT_CALLED = {
    "__init__", "__new__", "__post_init__", "__init_subclass__", "__repr__", "__str__",
    "__format__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__",
    "__copy__", "__deepcopy__", "__del__", "__dir__", "__sizeof__", "__setattr__",
    "__delattr__", "__set_name__",
}  # fmt: skip
_CREATING = {"__init__", "__new__", "__post_init__"}


def module_key(walk: Walk, module: types.ModuleType, path: Path) -> Any:
    if origin(top_of(module.__name__)) == "library":
        return Same(module)
    space = vars(module)
    names = walk.names.read & space.keys()
    if walk.names.computed:
        names |= {n for n, x in space.items() if isinstance(x, _SETTINGS)}
    return Same(module), named_keys(walk, space, sorted(names), path)


def class_key(walk: Walk, kind: type, path: Path) -> Any:
    return type_key(walk, kind, path, creates=True)


def type_key(walk: Walk, kind: Any, path: Path, creates: bool) -> Any:
    """The key of a class and of its code that can be called: the constructor, if code
    that was met has the class itself; methods that are named; and methods that replace
    those that a base of the library calls."""
    if not walk.is_user_class(kind):
        return Same(kind)
    if walk.met((id(kind), creates)) is not None:
        return Same(kind)
    key: list[Any] = [Same(kind)]
    users = [b for b in kind.__mro__ if walk.is_user_class(b)]
    called = {n for b in kind.__mro__ if b not in users and b is not object
              for n in vars(b)}  # fmt: skip
    for base in users:
        space = vars(base)
        walk.checks.sequence(space.values(), tuple(space.values()))
        for name, value in space.items():
            special = name.startswith("__") and name.endswith("__")
            if special:
                wanted = callable(value) and (
                    name not in _NOT_CALLED or (creates and name in _CREATING)
                )
            else:
                wanted = walk.names.reads(name, value) or name in called
            if wanted and not isinstance(value, types.GetSetDescriptorType):
                key.append((name, walk.visit(value, (path, f".{name}"))))
    return tuple(key)


def named_keys(
    walk: Walk, space: Mapping[str, Any], names: Iterable[str], path: Path
) -> Any:
    """The keys of attributes or globals, by name, in a dict."""
    found = []
    for name in names:
        value = space[name]
        walk.checks.name(space, name, value)
        if not (name.startswith("__") and name.endswith("__")):
            found.append((name, walk.visit(value, (path, f".{name}"))))
    return tuple(found)


def object_key(walk: Walk, value: Any, path: Path) -> Any:
    kind = type(value)
    key: list[Any] = [type_key(walk, kind, path, creates=False)]
    space = getattr(value, "__dict__", None)
    if isinstance(space, dict) and not isinstance(value, type):
        if _is_value(walk, kind):
            names = getattr(kind, "__dataclass_fields__", space)
            walk.checks.sequence(space.values(), tuple(space.values()))
            found = [
                (name, walk.visit(x, (path, f".{name}")))
                for name, x in tuple(space.items())
                if name in names or walk.names.reads(name, x)
            ]
            key.append(tuple(found))
        else:
            walk.checks.size(space)
            key.append(named_keys(walk, space, walk.names.of(space), path))
    for name in slots(kind):
        x = getattr(value, name, MISSING)
        if x is not MISSING and (_is_value(walk, kind) or walk.names.reads(name, x)):
            walk.checks.slot(value, name, x)
            key.append((name, walk.visit(x, (path, f".{name}"))))
    return tuple(key)


def _is_value(walk: Walk, kind: type) -> bool:
    """Whether all attributes matter: those of a value with fields, and those of an
    instance that inherits code of others, whose reads are unknown."""
    return is_dataclass(kind) or any(
        base is not object
        and not walk.is_user_class(base)
        and base.__module__ not in ("typing", "abc", "builtins", State.__module__)
        for base in kind.__mro__
    )


def is_frozen(value: Any) -> bool:
    """Whether an object is a value of this library that nothing can change."""
    if not is_dataclass(value) or top_of(type(value).__module__) != "neurenix":
        return False
    try:
        hash(value)
    except TypeError:  # it has a list or a dict
        return False
    return True


def library_object_key(walk: Walk, value: Any, path: Path) -> Any:
    """The key of an object of this library that is no module: the state that it says it
    holds."""
    held = getattr(value, "depends_on", None)
    if held is None:
        if is_frozen(value):
            return type(value), value
        return object_key(walk, value, path) if is_dataclass(value) else Same(value)
    return type(value), walk.visit(held(), path)


def watched_key(walk: Walk, value: Watched, path: Path) -> Any:
    """A module, an optimizer, a generator: setting its attributes is counted."""
    kind = type(value)
    top = top_of(kind.__module__)
    ours = top == "neurenix"
    if not ours and not walk.is_user(top):
        # The class comes from an installed package of networks, or from exec.
        where = origin(top)
        walk.home.add(top if where == "installed" else (where, top))
        walk.grew = True
    key: list[Any] = [type_key(walk, kind, path, creates=False)]
    key.append(getattr(value, "training", None))
    checks = walk.checks
    for name, x in tuple(vars(value).items()):
        if name not in kind.unwatched and (
            _matters(walk, name, x, ours) or hasattr(kind, name)
        ):
            if ours and name.startswith("_"):  # which only the library sets
                walk.checks = Checks()
            key.append((name, walk.visit(x, (path, f".{name}"))))
            walk.checks = checks
    for name in ("generators", "static_extra"):
        more = getattr(value, name, None)
        if callable(more):
            said: Any = more()
            key.append(walk.visit(tuple(said), (path, f"'s {name}()")))
    return tuple(key)


def _matters(walk: Walk, name: str, value: Any, ours: bool) -> bool:
    if isinstance(value, _PARTS) or walk.names.reads(name, value):
        return True
    public = not name.startswith("_") and (ours or not walk.names.only_counts(name))
    if isinstance(value, SCALARS):
        return public
    if isinstance(value, tuple) and all(isinstance(x, SCALARS) for x in value):
        return public
    if isinstance(value, (list, tuple, dict)):
        if _has_parts(value):
            return True
        if not value and not ours:  # it may get some
            walk.checks.sequence(value, ())
    return public and ours


def refuse(walk: Walk, value: Any, path: Path) -> Any:
    """Refuses a value that cannot be looked into, if the code reads it. Where a
    position tells whether the capture took something from the value, the capture
    decides."""
    attributes = [x[1:] for x in parts(path) if x.startswith(".")]
    if walk.names.read.issuperset(attributes):
        if position(value) is None:
            raise refusal(walk.owner, value, path)
        walk.consumed.append((value, path))
    return Same(value)


def context_key(walk: Walk, value: ContextVar[Any], path: Path) -> Any:
    now = value.get(MISSING)
    walk.checks.context(value, now)
    return Same(value), None if now is MISSING else walk.visit(now, (path, "'s value"))


def beside(walk: Walk, value: Any, path: Path) -> tuple[Any, ...]:
    """The key of the attributes that an instance of a container's subclass has; () for
    a container of Python's own."""
    if type(value).__module__ in ("builtins", "collections", "types"):
        return ()
    return (object_key(walk, value, path),)


def slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        for name, member in vars(base).items():
            if isinstance(member, types.MemberDescriptorType):
                yield name


def _has_parts(value: Any) -> bool:
    inside = list(value.values()) if isinstance(value, dict) else value
    kinds = set(map(type, inside))
    if any(issubclass(kind, _PARTS) for kind in kinds):
        return True
    return any(issubclass(kind, (list, tuple, dict)) for kind in kinds) and any(
        _has_parts(x) for x in inside if isinstance(x, (list, tuple, dict))
    )
