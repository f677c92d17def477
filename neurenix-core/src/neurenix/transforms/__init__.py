"""Transforms of functions: capture, vmap, map, scan, compile, derivatives, rules."""

from . import regions  # registers what control primitives ask for
from .capture import capture_flat
from .compiled import Compiled, compile, constant
from .custom_vjp import CustomVjp, custom_vjp
from .derivatives import hessian, hvp, jacobian
from .mapping import map, scan, vmap
from .remat import remat
from .statistics import CompileStats, compile_stats

__all__ = [
    "Compiled",
    "CompileStats",
    "CustomVjp",
    "capture_flat",
    "compile",
    "compile_stats",
    "constant",
    "custom_vjp",
    "hessian",
    "hvp",
    "jacobian",
    "map",
    "regions",
    "remat",
    "scan",
    "vmap",
]
