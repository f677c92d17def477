"""The conformance suite that every backend runs: cases by table, NumPy the oracle."""

from ..phynexus.text import plan_text
from .case import Case
from .case_derivatives import check_derivatives
from .cases import CASES
from .checks import (
    check_batch,
    check_compiled,
    check_forward,
    check_map,
    numeric_gradient,
    relative_error,
)
from .plans import plan_of
from .restricted import RestrictedBackend, add_restricted_device

__all__ = [
    "CASES",
    "Case",
    "RestrictedBackend",
    "add_restricted_device",
    "check_batch",
    "check_compiled",
    "check_derivatives",
    "check_forward",
    "check_map",
    "numeric_gradient",
    "plan_of",
    "plan_text",
    "relative_error",
]
