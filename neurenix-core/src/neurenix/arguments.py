"""Arguments that are plain Python values: as they should be, or refused by name."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from typing import Any

from .errors import DtypeError, InvalidArgumentError


def function(name: str, f: Any) -> Any:
    """A callable.

    >>> function("map", len) is len
    True
    """
    if not callable(f):
        raise InvalidArgumentError(f"{name}: {f!r} is not callable")
    return f


def whole(name: str, argument: str, value: Any, least: int | None = None) -> int:
    """An int, or what counts as one (NumPy's too), of at least `least`."""
    expected = "an int" if least is None else f"an int of {least} or more"
    try:
        found = None if isinstance(value, bool) else int(value.__index__())
    except (AttributeError, TypeError):
        found = None
    if found is None or (least is not None and found < least):
        raise InvalidArgumentError(f"{name}: {argument}={value!r}; expected {expected}")
    return found


def number(name: str, argument: str, value: Any) -> Any:
    """A Python number, of a number or of a tensor of one element."""
    plain = value.item() if hasattr(value, "item") else value
    if not isinstance(plain, (bool, int, float)):
        raise DtypeError(f"{name}: {argument}={value!r}; expected a number")
    return plain


def finite(name: str, argument: str, value: Any) -> Any:
    """A number that is neither NaN nor infinite."""
    plain = number(name, argument, value)
    if not math.isfinite(plain):
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected a finite number"
        )
    return plain


def several(name: str, argument: str, value: Any) -> list[Any]:
    """A list, of anything that can be gone through."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise InvalidArgumentError(
            f"{name}: {argument}={reprlib.repr(value)}; expected a list"
        )
    return list(value)
