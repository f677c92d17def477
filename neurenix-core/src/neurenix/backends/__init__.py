"""Backends: what a plugin implements, and how it is found.

`BackendInfo`, `Backend`, `hookimpl` and `API_VERSION` are what a backend package needs.
"""

from .discovery import Absent, Available, Broken, Discovery, discovery
from .hookspecs import hookimpl, hookspec
from .protocol import API_VERSION, Backend, BackendInfo, Capabilities, Executable

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
    "discovery",
    "hookimpl",
    "hookspec",
]
