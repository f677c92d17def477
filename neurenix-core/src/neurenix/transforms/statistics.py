"""The costs of compiled functions."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class CompileStats:
    """The costs of one compiled function so far.

    entries        programs in its cache, at most `bound`
    hits, misses   calls that found their program, and those that had to make it
    seconds        of all misses, by phase: "capture" (running the function on symbols),
                   "passes" over the program, "plan" (buffers, layouts and steps; 0
                   where a backend plans nothing), "backend" (the engine's part)
    instructions   of the programs in the cache, each region counted once
    """

    def __init__(self, name: str, bound: int) -> None:
        self.name: str = name
        self.bound: int = bound
        self.entries = self.hits = self.misses = self.instructions = 0
        self.seconds = {"capture": 0.0, "passes": 0.0, "plan": 0.0, "backend": 0.0}

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += time.perf_counter() - start

    def planned(self, seconds: float) -> None:
        """Counts these seconds of planning as "plan" instead of "backend"."""
        self.seconds["plan"] += seconds
        self.seconds["backend"] -= seconds

    def __repr__(self) -> str:
        spent = ", ".join(f"{k} {v * 1e3:.1f} ms" for k, v in self.seconds.items())
        return (
            f"{self.name}: {self.entries} of {self.bound} entries, {self.hits} hits, "
            f"{self.misses} misses; {spent}; {self.instructions} instructions"
        )


_FUNCTIONS: weakref.WeakSet[Any] = weakref.WeakSet()


def register(compiled: Any) -> None:
    _FUNCTIONS.add(compiled)


def compile_stats() -> list[CompileStats]:
    """The costs of each compiled function that is still alive, by name; see
    `CompileStats`.

    >>> import neurenix as nx
    >>> def halve(x):
    ...     return x / 2
    >>> f = nx.compile(halve)
    >>> for size in (1, 2, 1):
    ...     _ = f(nx.ones(size))
    >>> (stats,) = [s for s in nx.compile_stats() if s.name == "halve"]
    >>> stats.entries, stats.hits, stats.misses
    (2, 1, 2)
    """
    return sorted((f.stats() for f in list(_FUNCTIONS)), key=lambda s: s.name)
