"""Checks of layers' arguments."""

from __future__ import annotations

from typing import Any

from ..arguments import plain_number, plain_whole
from ..errors import InvalidArgumentError


def whole(what: str, value: Any, least: int = 1) -> int:
    """An int of at least so much."""
    found = plain_whole(value)
    if found is None or found < least:
        raise InvalidArgumentError(
            f"{what}={value!r}; expected an int of {least} or more"
        )
    return found


def pair(what: str, value: Any, least: int = 1) -> tuple[int, int]:
    """(height, width) from one int for both, or two."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(given) != 2:
        raise InvalidArgumentError(
            f"{what}={value!r}; expected an int, or one for height and one for width"
        )
    return whole(what, given[0], least), whole(what, given[1], least)


def single(what: str, value: Any, least: int = 1) -> tuple[int]:
    """(length,) from an int, or a tuple of one."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(given) != 1:
        raise InvalidArgumentError(f"{what}={value!r}; expected an int")
    return (whole(what, given[0], least),)


def number(what: str, value: Any, low: float, high: float = float("inf")) -> float:
    """A number from low to high, both included."""
    found = plain_number(value)
    if found is None or not low <= found <= high:
        bounds = (
            f"from {low:g} to {high:g}"
            if high < float("inf")
            else f"of {low:g} or more"
        )
        raise InvalidArgumentError(f"{what}={value!r}; expected a number {bounds}")
    return found


def one_of(what: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InvalidArgumentError(
            f"{what}={value!r}; expected {' or '.join(map(repr, choices))}"
        )
    return str(value)
