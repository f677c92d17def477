"""From a program to a dispatch list. Nothing here knows a GPU library."""

from .dispatch_list import DispatchList
from .plan_to_list import lower
from .steps import PRIMITIVES

__all__ = ["PRIMITIVES", "DispatchList", "lower"]
