"""Numbers the source lines of plans, for the whole process: an engine knows a line by
its number, and may name it long after the call that gave it, for another program."""

from __future__ import annotations

import re
import threading

_numbers: dict[str, int] = {}
_lock = threading.Lock()


def number_of(source: str | None) -> int:
    """The number of a line such as "train.py:12"; -1 for None."""
    if source is None:
        return -1
    with _lock:
        return _numbers.setdefault(source, len(_numbers))


def with_lines(message: str) -> str:
    """An engine's message, with lines where it has their numbers."""

    def line(match: re.Match[str]) -> str:
        number = int(match[1])
        return sources[number] if number < len(sources) else match[0]

    sources = list(_numbers)
    return re.sub(r"source line (\d+)", line, message)
