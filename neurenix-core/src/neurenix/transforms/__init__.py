"""Transforms of functions: capture, vmap, map, scan, compile."""

from . import regions  # registers what control primitives ask for
from .capture import capture_flat
from .compiled import Compiled, compile, constant
from .mapping import map, scan, vmap

__all__ = [
    "Compiled",
    "capture_flat",
    "compile",
    "constant",
    "map",
    "regions",
    "scan",
    "vmap",
]
