"""The conformance suite that every backend runs: cases by table, NumPy the oracle."""

from .case import Case
from .cases import CASES
from .checks import (
    check_batch,
    check_compiled,
    check_derivatives,
    check_forward,
    check_map,
    numeric_gradient,
    relative_error,
)

__all__ = [
    "CASES",
    "Case",
    "check_batch",
    "check_compiled",
    "check_derivatives",
    "check_forward",
    "check_map",
    "numeric_gradient",
    "relative_error",
]
