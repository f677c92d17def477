"""The device type "rocm-emulated", in tests only: wavefronts of 64, where the build has
no other number. See tests/emulated_engine.py."""

from __future__ import annotations

from emulated_engine import ROCM, ROOT

DEVICE = ROCM.device
folder, library = ROCM.folder, ROCM.library
require_built, register = ROCM.require_built, ROCM.register

__all__ = ["DEVICE", "ROOT", "folder", "library", "register", "require_built"]
