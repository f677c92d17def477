"""Checks of arguments that tasks, samplers and data sets share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurenix.arguments import plain_number, plain_whole
from neurenix.errors import InvalidArgumentError


def whole_number(what: str, value: Any, *, least: int = 1) -> int:
    """`value` as an int of at least `least`, else an error that names `what`."""
    number = plain_whole(value)
    if number is None:
        raise InvalidArgumentError(f"{what} must be a whole number, not {value!r}")
    if number < least:
        raise InvalidArgumentError(f"{what} must be at least {least}, not {number}")
    return number


def check_seed(seed: Any) -> int:
    """`seed` as an int of 64 bits, else an error."""
    number = whole_number("seed", seed, least=0)
    if number >= 2**64:
        raise InvalidArgumentError(f"seed must be below 2**64, not {number}")
    return number


def positive(what: str, value: Any, *, or_zero: bool = False) -> float:
    """A finite number above 0 (or 0 itself), else an error that names it."""
    number = plain_number(value)
    least_is_met = number is not None and (number > 0 or (or_zero and number == 0))
    if number is None or not least_is_met or math.isinf(number):
        least = "of 0 or more" if or_zero else "above 0"
        raise InvalidArgumentError(f"{what}={value!r}; expected a number {least}")
    return number


def flag(what: str, value: Any) -> bool:
    """True or False (NumPy's too), else an error that names it: "no" is none."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidArgumentError(f"{what}={value!r}; expected True or False")
    return bool(value)
