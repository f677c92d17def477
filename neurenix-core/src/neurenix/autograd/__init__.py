"""The tape: derivatives by walking back over what was recorded, to any order."""

from ..dispatch import no_grad
from .api import backward, grad, grad_function, jvp, value_and_grad, vjp

__all__ = [
    "backward",
    "grad",
    "grad_function",
    "jvp",
    "no_grad",
    "value_and_grad",
    "vjp",
]
