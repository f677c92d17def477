"""Phynexus: what all native engines share, in Python and (engine/) in C++.

`python -m neurenix.phynexus --include-dir` says where the C header lies, and beside it
the engine's sources; `--cmake-dir` says where the CMake package lies that compiles them
into an engine. A backend's module makes its device of two names:
`count_devices(library)` and `NativeBackend(library)`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backend import NativeBackend
    from .library import count_devices

__all__ = ["CMAKE_DIR", "HEADER", "INCLUDE_DIR", "NativeBackend", "count_devices"]

INCLUDE_DIR = Path(__file__).resolve().parent
HEADER = INCLUDE_DIR / "phynexus.h"
CMAKE_DIR = INCLUDE_DIR / "cmake"


def __getattr__(name: str) -> Any:
    # whoever builds an engine asks for the folder only, and may lack what runs it
    if name == "NativeBackend":
        from .backend import NativeBackend

        return NativeBackend
    if name == "count_devices":
        from .library import count_devices

        return count_devices
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
