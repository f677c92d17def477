"""Where pip has put libraries of NVIDIA's, which the loader does not find by itself."""

from __future__ import annotations

import os
from importlib.machinery import PathFinder
from pathlib import Path


def installed(*places: str) -> Path | None:
    """The first of these files of NVIDIA's packages here that is there."""
    package = PathFinder.find_spec("nvidia")
    folders = (package and package.submodule_search_locations) or ()
    for folder in folders:
        for place in places:
            file = Path(folder) / place
            if file.exists():
                return file
    return None


def name_libraries() -> None:
    """Tells the engine of NVRTC and cuBLAS, unless the user has named them:
    NEURENIX_NVRTC, NEURENIX_CUBLAS."""
    for variable, file in (
        ("NEURENIX_NVRTC", installed_nvrtc()),
        ("NEURENIX_CUBLAS", installed_cublas()),
    ):
        if file is not None and variable not in os.environ:
            os.environ[variable] = str(file)


def installed_nvrtc() -> Path | None:
    """NVRTC of the package nvidia-cuda-nvrtc, if it is there."""
    return installed("cu13/lib/libnvrtc.so.13", "cuda_nvrtc/lib/libnvrtc.so.13")


def installed_cublas() -> Path | None:
    """cuBLAS of the package nvidia-cublas, or of CUDA 12's, if it is there."""
    return installed("cu13/lib/libcublas.so.13", "cublas/lib/libcublas.so.12")
