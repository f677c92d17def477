"""What a compiled function depends on besides its arguments: numbers in its closure, in
globals that it names, and in public attributes of its state objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..attributes import changes

_SCALARS = (bool, int, float, str, type(None))


def attribute_changes() -> int:
    """A number that grows when an attribute of any module or optimizer is set."""
    return changes[0]


def attributes_of(state: Any) -> Any:
    """The public scalars of a state object and of the objects in it."""
    key = getattr(state, "static_key", None)
    return key() if key is not None else None


def scalars_around(f: Callable[..., Any]) -> list[Callable[[], Any]]:
    """Readers of the numbers and strings that f's closure and named globals hold."""
    code = getattr(f, "__code__", None)
    if code is None:
        return []
    readers: list[Callable[[], Any]] = []
    for cell in getattr(f, "__closure__", None) or ():
        readers.append(partial(_scalar, cell))
    space = getattr(f, "__globals__", {})
    for name in code.co_names:
        if isinstance(space.get(name), _SCALARS) and name in space:
            readers.append(partial(space.get, name))
    return readers


def _scalar(cell: Any) -> Any:
    try:
        value = cell.cell_contents
    except ValueError:  # not bound yet
        return None
    return value if isinstance(value, _SCALARS) else None
