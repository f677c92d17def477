"""Finds the public function that the user's code called, for the message of an error.

One check serves many functions, and what they have in common does not know which of
them was called. A package states once which modules are its public doors; the functions
and methods behind these are known by their code, so that no name of a room or of an
inner function has to be kept here. Calls cost nothing for it: only an error looks.
"""

from __future__ import annotations

import functools
import sys
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

_DOORS: list[str] = []
_KNOWN: dict[CodeType, str] = {}  # made by the first error; emptied by another door


def public_door(module: str) -> None:
    """Users call what is in this module's `__all__`, and what modules in it have."""
    _DOORS.append(module)
    _KNOWN.clear()


def public_caller(frame: FrameType | None) -> str:
    """The name of the outermost public function in an unbroken row of frames of this
    package; empty where there is none, as within a test of something inner."""
    if not _KNOWN:
        for door in _DOORS:
            _enter(sys.modules[door], set())
    name = ""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package != __name__.partition(".")[0]:
            break
        own = _KNOWN.get(frame.f_code)
        if own is not None:
            name = _shown(frame, own) or name
        frame = frame.f_back
    return name


def _enter(module: ModuleType, seen: set[ModuleType]) -> None:
    if module in seen:
        return
    seen.add(module)
    there = vars(module)
    public = there.get("__all__", [n for n in there if not n.startswith("_")])
    for name in public:
        value = there.get(name)
        if isinstance(value, ModuleType):
            if "__all__" in there and _is_ours(value.__name__):
                _enter(value, seen)
        elif isinstance(value, type) and _is_ours(value.__module__):
            for owner in value.__mro__:
                if _is_ours(owner.__module__):
                    for method in vars(owner).values():
                        _add(method)
        elif isinstance(value, FunctionType) and _is_ours(value.__module__):
            if "__all__" not in there and value.__module__ != module.__name__:
                continue  # imported, for itself: a check of arguments, say
            own = value.__code__.co_name
            _add(value, own if own in public else name)


def _is_ours(module: str) -> bool:
    return module.startswith(f"{__name__.partition('.')[0]}.")


def _add(value: Any, shown: str = "") -> None:
    if isinstance(value, (staticmethod, classmethod)):
        _add(value.__func__)
    elif isinstance(value, property):
        _add(value.fget)
        _add(value.fset)
    elif isinstance(value, functools.cached_property):
        _add(value.func)
    elif isinstance(value, FunctionType):
        own = value.__code__.co_name
        if own == value.__name__ and "<locals>" not in value.__qualname__:
            _KNOWN.setdefault(value.__code__, shown or own)
        _add(getattr(value, "__wrapped__", None), shown)  # what a decorator gave


def _shown(frame: FrameType, own: str) -> str:
    """The name for messages: a method is named with its class; a constructor, a call
    and a private method by the class alone."""
    code = frame.f_code
    if code.co_argcount and code.co_varnames[0] == "self":
        owner = type(frame.f_locals["self"]).__name__
        return owner if own.startswith("_") or own == "forward" else f"{owner}.{own}"
    return "" if own.startswith(("_", "<")) else own
