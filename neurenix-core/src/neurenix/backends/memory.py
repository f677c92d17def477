"""Asks how much memory is available before a large piece of it is taken.

A host that promises more memory than it has ends a process that uses it: what cannot
fit is refused here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ..errors import OutOfMemoryError

# Asking takes some 50 µs, which is nothing beside filling this many bytes.
LARGE = 1 << 28

_MEMINFO = Path("/proc/meminfo")
# (limit, use) of the control group that a container runs in: version 2, version 1
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def host_available() -> int | None:
    """Bytes that this process could still use; None where the system does not say."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _text(_MEMINFO), re.MULTILINE)
    room = [] if found is None else [int(found[1]) * 1024]
    for limit, use in _GROUPS:
        most, used = _text(Path(limit)).strip(), _text(Path(use)).strip()
        if most.isdigit() and used.isdigit():
            room.append(max(int(most) - int(used), 0))
    return min(room, default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:  # another system, or no such control group
        return ""


def require(what: str, nbytes: int, available: Callable[[], int | None]) -> None:
    """Raises OutOfMemoryError, with bytes asked and available, for what cannot fit."""
    if nbytes < LARGE:
        return
    room = available()
    if room is not None and nbytes > room:
        raise no_memory(what, nbytes, room)


def no_memory(what: str, nbytes: int, available: int | None) -> OutOfMemoryError:
    have = "" if available is None else f", and {available} are available"
    return OutOfMemoryError(f"{what} needs {nbytes} bytes{have}")
