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


def plain(value: Any) -> Any:
    """The Python number that a number is, or NumPy's, or an array or tensor of rank 0;
    None for anything else.

    >>> import numpy as np
    >>> plain(np.float32(0.5)), plain(np.array(3)), plain([1.0])
    (0.5, 3, None)
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (bool, int, float)) else None


def plain_whole(value: Any) -> int | None:
    """The same of whole numbers; a bool is none.

    >>> plain_whole(3), plain_whole(3.0), plain_whole(True)
    (3, None, None)
    """
    n = plain(value)
    return n if isinstance(n, int) and not isinstance(n, bool) else None


def plain_number(value: Any) -> float | None:
    """The same of numbers, as a float; a bool is none, and neither is NaN.

    >>> plain_number(3), plain_number(float("nan")), plain_number(True)
    (3.0, None, None)
    """
    n = plain(value)
    if n is None or isinstance(n, bool) or n != n:
        return None
    return float(n)


def whole(name: str, argument: str, value: Any, least: int | None = None) -> int:
    """An int, or what counts as one (NumPy's too), of at least `least`."""
    expected = "an int" if least is None else f"an int of {least} or more"
    checked = plain_whole(value)
    if checked is None or (least is not None and checked < least):
        raise InvalidArgumentError(f"{name}: {argument}={value!r}; expected {expected}")
    return checked


def number(name: str, argument: str, value: Any) -> Any:
    """A Python number, of a number or of a tensor of rank 0."""
    checked = plain(value)
    if checked is None:
        raise DtypeError(f"{name}: {argument}={value!r}; expected a number")
    return checked


def between(
    name: str, argument: str, value: Any, low: float, high: float = math.inf
) -> float:
    """A number from low to high, both included."""
    checked = plain_number(value)
    if checked is None or not low <= checked <= high:
        bounds = (
            f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
        )
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected a number {bounds}"
        )
    return checked


def finite(name: str, argument: str, value: Any) -> Any:
    """A number that is neither NaN nor infinite."""
    plain = number(name, argument, value)
    if not math.isfinite(plain):
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected a finite number"
        )
    return plain


def positive(name: str, argument: str, value: Any, *, or_zero: bool = False) -> float:
    """A finite number above 0, or 0 itself."""
    checked = plain_number(value)
    is_large_enough = checked is not None and (
        checked > 0 or (or_zero and checked == 0)
    )
    if checked is None or not is_large_enough or math.isinf(checked):
        least = "of 0 or more" if or_zero else "above 0"
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected a number {least}"
        )
    return checked


def flag(name: str, argument: str, value: Any) -> bool:
    """True or False (NumPy's too): "no" is neither."""
    checked = plain(value)
    if not isinstance(checked, bool):
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected True or False"
        )
    return checked


def several(name: str, argument: str, value: Any) -> list[Any]:
    """A list, of anything that can be gone through."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise InvalidArgumentError(
            f"{name}: {argument}={reprlib.repr(value)}; expected a list"
        )
    return list(value)


def one_of(name: str, argument: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of some words."""
    if value not in choices:
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; expected {' or '.join(map(repr, choices))}"
        )
    return str(value)


def pair(name: str, argument: str, value: Any, least: int = 1) -> tuple[int, int]:
    """(height, width), each of at least `least`, from one int for both or from two."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(given) != 2:
        raise InvalidArgumentError(
            f"{name}: {argument}={value!r}; "
            "expected an int, or one for height and one for width"
        )
    height, width = (whole(name, argument, n, least) for n in given)
    return height, width


def single(name: str, argument: str, value: Any, least: int = 1) -> tuple[int]:
    """(length,), of at least `least`, from an int or a tuple of one."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(given) != 1:
        raise InvalidArgumentError(f"{name}: {argument}={value!r}; expected an int")
    return (whole(name, argument, given[0], least),)
