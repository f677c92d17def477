"""Checks of arguments that tasks, samplers and data sets share."""

from __future__ import annotations

import math
import operator
import os
from pathlib import Path
from typing import Any

import numpy as np

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


def positive(what: str, value: Any, *, or_zero: bool = False) -> float:
    """A finite number above 0 (or 0 itself), else an error that names it."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    wrong = not is_number or not math.isfinite(value) or value < 0
    if wrong or (value == 0 and not or_zero):
        least = "of 0 or more" if or_zero else "above 0"
        raise InvalidArgumentError(f"{what}={value!r}; expected a number {least}")
    return float(value)


def flag(what: str, value: Any) -> bool:
    """True or False (NumPy's too), else an error that names it: "no" is none."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidArgumentError(f"{what}={value!r}; expected True or False")
    return bool(value)


def path_of(what: str, value: Any) -> Path:
    """A path, else an error that names it."""
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        raise InvalidArgumentError(
            f"{what}={value!r}; expected a path, as text or pathlib.Path"
        )
    return Path(value)
