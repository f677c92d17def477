"""Checks of arguments that tasks, samplers and data sets share."""

from __future__ import annotations

import operator
from typing import Any

from neurenix.errors import InvalidArgumentError


def whole_number(what: str, value: Any, *, least: int = 1) -> int:
    """`value` as an int of at least `least`, else an error that names `what`."""
    if not hasattr(value, "__index__") or isinstance(value, bool):
        raise InvalidArgumentError(f"{what} must be a whole number, not {value!r}")
    number = operator.index(value)
    if number < least:
        raise InvalidArgumentError(f"{what} must be at least {least}, not {number}")
    return number


def check_seed(seed: Any) -> int:
    """`seed` as an int of 64 bits, else an error."""
    number = whole_number("seed", seed, least=0)
    if number >= 2**64:
        raise InvalidArgumentError(f"seed must be below 2**64, not {number}")
    return number
