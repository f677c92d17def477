"""The line of the user's code that is running: what messages and programs point at."""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class _Local(threading.local):
    def __init__(self) -> None:
        self.lines: list[str] = []


_local = _Local()


def user_line() -> str | None:
    """ "file.py:12" of the innermost frame outside this package."""
    if _local.lines:
        return _local.lines[-1]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_HERE):
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def user_level() -> int:
    """The `stacklevel` with which a warning of who calls this points there."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    return level


class at_line:
    """While a derivative runs, its instructions point at the line they derive from."""

    def __init__(self, source: str | None) -> None:
        self.source = source

    def __enter__(self) -> None:
        if self.source:
            _local.lines.append(self.source)

    def __exit__(self, *_: object) -> None:
        if self.source:
            _local.lines.pop()
