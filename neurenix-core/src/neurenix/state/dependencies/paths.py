"""How a value is reached, for messages: `net.layers[1]`."""

from __future__ import annotations

from typing import Any

# The path before, or None; and what comes after it. Written out only where it is told.
Path = tuple[Any, str]


def parts(path: Path | None) -> list[str]:
    """All of it, in order."""
    found = []
    while path is not None:
        path, part = path
        found.append(part)
    return found[::-1]
