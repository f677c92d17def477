"""Which attributes matter: those that the code which was met reads."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from .user_code import COUNTED, READ, WRITTEN, Reads

_WRITABLE = (list, dict, set, deque, np.ndarray)


def is_read(use: int, value: Any) -> bool:
    """Whether a name that is used so can change what the code computes."""
    return use == READ or (use == WRITTEN and type(value) not in _WRITABLE)


class Names:
    """How attributes are used in all code that was met so far. It only grows."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.read: set[str] = set()  # or written to
        self.computed = False  # some names are made as the code runs: all matter

    def add(self, reads: Reads) -> bool:
        """Whether any of it is new."""
        grew = self.computed < reads.computed
        self.computed |= reads.computed
        for name, use in reads.attributes.items():
            if self.used.get(name, -1) < use:
                self.used[name] = use
                grew = True
                if use > COUNTED:
                    self.read.add(name)
        return grew

    def of(self, space: Mapping[str, Any]) -> list[str]:
        """Which of these attributes are read."""
        if self.computed:
            return sorted(space)
        return sorted([n for n in self.read & space.keys() if self.reads(n, space[n])])

    def reads(self, name: str, value: Any) -> bool:
        return self.computed or is_read(self.used.get(name, COUNTED), value)

    def only_counts(self, name: str) -> bool:
        return not self.computed and self.used.get(name) == COUNTED
