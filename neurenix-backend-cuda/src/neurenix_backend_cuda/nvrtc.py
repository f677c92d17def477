"""Where pip has put NVRTC, which the loader does not find by itself."""

from __future__ import annotations

import os
from importlib.machinery import PathFinder
from pathlib import Path

NAME = "libnvrtc.so.13"


def installed_nvrtc() -> Path | None:
    """NVRTC of the package nvidia-cuda-nvrtc in this environment, if it is there."""
    package = PathFinder.find_spec("nvidia")
    folders = (package and package.submodule_search_locations) or ()
    for folder in folders:
        for place in ("cu13/lib", "cuda_nvrtc/lib"):
            file = Path(folder) / place / NAME
            if file.exists():
                return file
    return None


def name_nvrtc() -> None:
    """Tells the engine of it, unless the user has named one: NEURENIX_NVRTC."""
    if "NEURENIX_NVRTC" not in os.environ and (found := installed_nvrtc()):
        os.environ["NEURENIX_NVRTC"] = str(found)
