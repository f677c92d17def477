"""Which pieces of work must wait for which: by the memory that they read and write,
before any of it has an address."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from neurenix.phynexus.plan.views import Block, View

from .storage import element_bytes

EVERYTHING = 1 << 62  # bytes


@dataclass(frozen=True)
class Access:
    """Bytes from `first` to before `end` of a piece of memory."""

    memory: Hashable
    first: int
    end: int

    def meets(self, other: Access) -> bool:
        return self.first < other.end and other.first < self.end


def access(view: View, state: int = 0) -> Access | None:
    """The least stretch of memory around a view, of values smaller than a word all of
    it; None for an empty one. The first `state` outputs may lie where the inputs of the
    same numbers do."""
    low = high = view.offset
    for n, s in zip(view.shape, view.strides, strict=True):
        if not n:
            return None
        low, high = low + min(s * (n - 1), 0), high + max(s * (n - 1), 0)
    memory = memory_of(view.root, state)
    if element_bytes(view.dtype) < 4:  # its row has a word, and where it begins apart
        return Access(memory, 0, EVERYTHING)
    return Access(memory, 4 * low, 4 * (high + 1))


def memory_of(root: Hashable, state: int = 0) -> Hashable:
    """What is the same for two roots that may share memory."""
    if isinstance(root, Block) and root.home is not None:
        root = root.home
    if isinstance(root, tuple) and root[0] == "output" and root[1] < state:
        return ("input", root[1])
    return root


@dataclass(frozen=True)
class Use:
    """What a piece of work reads and writes."""

    reads: tuple[Access, ...]
    writes: tuple[Access, ...]


def use_of(reads: Iterable[View], writes: Iterable[View], state: int = 0) -> Use:
    """
    >>> from neurenix import float32
    >>> x, y = (View(("input", n), float32, (4, 2), (2, 1)) for n in range(2))
    >>> use_of([x], [y]).writes
    (Access(memory=('input', 1), first=0, end=32),)
    """
    return Use(
        tuple(a for v in reads if (a := access(v, state)) is not None),
        tuple(a for v in writes if (a := access(v, state)) is not None),
    )


def waits(uses: Sequence[Use]) -> list[list[int]]:
    """For each piece of work, in the order in which they would run one after the other,
    the earlier ones that it must wait for: those that write what it reads or writes,
    and those that read what it writes."""
    read: dict[Hashable, list[tuple[int, Access]]] = {}
    written: dict[Hashable, list[tuple[int, Access]]] = {}
    out: list[list[int]] = []
    for k, use in enumerate(uses):
        before: set[int] = set()
        for a in use.reads:
            before |= _meeting(written, a)
        for a in use.writes:
            before |= _meeting(written, a) | _meeting(read, a)
        for a in use.reads:
            read.setdefault(a.memory, []).append((k, a))
        for a in use.writes:
            written.setdefault(a.memory, []).append((k, a))
        out.append(sorted(before))
    return out


def _meeting(accesses: dict[Hashable, list[tuple[int, Access]]], a: Access) -> set[int]:
    return {k for k, b in accesses.get(a.memory, ()) if a.meets(b)}
