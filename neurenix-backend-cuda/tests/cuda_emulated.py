"""The device type "cuda-emulated", in tests only: see tests/emulated_engine.py."""

from __future__ import annotations

from emulated_engine import CUDA, ROOT

DEVICE = CUDA.device
folder, library = CUDA.folder, CUDA.library
require_built, register = CUDA.require_built, CUDA.register

__all__ = ["DEVICE", "ROOT", "folder", "library", "register", "require_built"]
