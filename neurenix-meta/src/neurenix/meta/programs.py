"""Programs: what a learner has compiled, and how much memory that takes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import neurenix as nx

from .memory import MemoryPlan


class Programs:
    """Compiled functions, each under a key; keys of one use are of one type.

    plans   how the last "meta_learn" and "evaluate" with max_memory kept to it
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, nx.Compiled] = {}
        self.plans: dict[str, MemoryPlan] = {}

    def of(self, key: Hashable, make: Callable[[], nx.Compiled]) -> nx.Compiled:
        """The program of that key, made on first use."""
        program = self._held.get(key)
        if program is None:  # of two threads' programs the first one stays
            program = self._held.setdefault(key, make())
        return program

    def forget(self, is_past: Callable[[Hashable], bool]) -> None:
        """Let go of the programs whose keys are of the past."""
        for key in [key for key in self._held if is_past(key)]:
            self._held.pop(key, None)

    def values(self) -> Iterable[nx.Compiled]:
        return self._held.values()

    def for_copy(self) -> Programs:
        """Those of a copy of the learner, which makes programs of its own."""
        copied = Programs()
        copied.plans.update(self.plans)
        return copied
