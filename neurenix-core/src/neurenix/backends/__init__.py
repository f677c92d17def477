"""Backends: what a plugin implements, and how it is found.

`BackendInfo`, `Backend`, `Executable`, `Capabilities`, `Limits`, `hookimpl` and
`API_VERSION` are what a backend package needs.
"""

from typing import TYPE_CHECKING, Any

from ..passes.limits import Limits
from ..passes.tasks import TaskCosts
from .plugins import Absent, Available, Broken, Discovery, discovery
from .protocol import API_VERSION, Backend, BackendInfo, Capabilities, Executable

if TYPE_CHECKING:
    from .hookspecs import hookimpl, hookspec

__all__ = [
    "API_VERSION",
    "Absent",
    "Available",
    "Backend",
    "BackendInfo",
    "Broken",
    "Capabilities",
    "Discovery",
    "Executable",
    "Limits",
    "TaskCosts",
    "discovery",
    "hookimpl",
    "hookspec",
]


def __getattr__(name: str) -> Any:
    # pluggy is slow to import, and nobody but a plugin needs it
    if name in ("hookimpl", "hookspec"):
        from . import hookspecs

        return getattr(hookspecs, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
