"""Keys of functions: their code, and what it reads around itself."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from .checks import MISSING
from .objects import named_keys, type_key
from .user_code import COUNTED, READ, Reads, is_read, reads_of
from .walk import Path, Same, Walk

# Wrappers of one function.
WRAPPERS = (
    property,
    staticmethod,
    classmethod,
    functools.cached_property,
    functools.partialmethod,
    type(functools.lru_cache(len)),
)


def function_key(walk: Walk, f: types.FunctionType, path: Path) -> Any:
    code, space = f.__code__, f.__globals__
    is_user = walk.is_user(space.get("__name__"))
    reads = reads_of(code) if is_user else None
    key: list[Any] = [Same(code)]
    for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not bound yet
            value = MISSING
        if reads is not None:
            if not is_read(reads.variables.get(name, COUNTED), value):
                continue
            walk.checks.closure(cell, value)
        here = (None, name)
        if name == "__class__":
            key.append(type_key(walk, value, here, creates=False))
        elif value is not MISSING:
            key.append(walk.visit(value, here))
        else:
            key.append(None)
    if reads is None:
        return tuple(key)
    walk.checks.function(f)
    for what in (f.__defaults__, f.__kwdefaults__):
        key.append(None if what is None else walk.visit(what, (path, "'s default")))
    walk.grew |= walk.names.add(reads)
    for name in reads.globals:
        value = space.get(name, MISSING)
        if (
            is_read(reads.variables[name], value)
            and walk.met((id(space), name)) is None
        ):
            walk.checks.name(space, name, value)
            if value is not MISSING:
                key.append((name, walk.visit(value, (None, name))))
    for name in reads.modules:
        module = sys.modules.get(name)
        key.append(None if module is None else walk.visit(module, (None, name)))
    if f.__dict__:
        key.append(named_keys(walk, f.__dict__, walk.names.of(f.__dict__), path))
    return tuple(key)


def method_key(walk: Walk, f: types.MethodType, path: Path) -> Any:
    owner = walk.visit(f.__self__, (path, "'s self"))
    return "method", walk.visit(f.__func__, path), owner


def builtin_key(walk: Walk, f: types.BuiltinFunctionType, path: Path) -> Any:
    owner = f.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return Same(f)
    return f.__qualname__, walk.visit(owner, (path, "'s self"))


def partial_key(walk: Walk, f: functools.partial[Any], path: Path) -> Any:
    inside = [(f.func, "'s func"), (f.args, "'s args"), (f.keywords, "'s keywords")]
    return type(f), tuple([walk.visit(x, (path, n)) for x, n in inside])


def wrapper_key(walk: Walk, f: Any, path: Path) -> Any:
    """The key of a wrapper of one function: a property, a class method, a cached
    one."""
    names = ("fget", "fset", "__func__", "__wrapped__", "func")
    inside = [getattr(f, name, None) for name in names]
    return type(f), tuple([walk.visit(x, path) for x in inside if x is not None])


def getter_key(walk: Walk, f: Any, path: Path) -> Any:
    """The key of an operator.attrgetter or methodcaller, which reads attributes by
    names that no code has."""
    parts = f.__reduce__()
    names = [n for x in parts[1] if isinstance(x, str) for n in x.split(".")]
    reads = Reads({}, dict.fromkeys(names, READ), (), (), computed=False)
    walk.grew |= walk.names.add(reads)
    return type(f), walk.visit(parts, path)


def referred_key(walk: Walk, f: Any, path: Path) -> Any:
    return type(f), walk.visit(f(), (path, "()"))
