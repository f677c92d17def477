"""How a value is reached, for messages: `net.layers[1]`."""

from __future__ import annotations

from typing import Any

# The path before, or None; and what comes after it. Written out only where it is told.
Path = tuple[Any, str]


def text(path: Path | None) -> str:
    parts = []
    while path is not None:
        path, part = path
        parts.append(part)
    return "".join(reversed(parts))
