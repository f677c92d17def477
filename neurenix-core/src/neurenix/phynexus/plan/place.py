"""The memory plan: blocks that live at different times share a frame's scratch."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import heappop, heappush

from .views import Block

ALIGNMENT = 64


def aligned(nbytes: int) -> int:
    return -(-max(nbytes, 1) // ALIGNMENT) * ALIGNMENT


def place(blocks: Iterable[Block]) -> int:
    """Give each block an offset; return the bytes of scratch that they need together.

    In the order in which they come to life, each into the first gap that it fits.
    """
    gaps = _Gaps()
    live: list[tuple[int, int, int]] = []  # a heap of (last, offset, bytes)
    for block in sorted(blocks, key=lambda b: b.first):
        while live and live[0][0] < block.first:
            _, offset, nbytes = heappop(live)
            gaps.give(offset, nbytes)
        nbytes = aligned(block.nbytes)
        block.offset = gaps.take(nbytes)
        heappush(live, (block.last, block.offset, nbytes))
    return gaps.most


class _Gaps:
    """The free pieces of memory without an end."""

    def __init__(self) -> None:
        self.end = 0  # all is free from here on
        self.most = 0  # what `end` has been
        self.size: dict[int, int] = {}  # of the gap that starts there
        self.start: dict[int, int] = {}  # of the gap that ends there
        # The starts of gaps by size, lowest first; what `size` knows nothing of is old.
        self.starts: dict[int, list[int]] = {}
        self.sizes: list[int] = []  # the keys of that, in order

    def take(self, nbytes: int) -> int:
        """The offset of the first gap of so many bytes, which are no gap any more."""
        best = self.end
        for size in self.sizes[bisect_left(self.sizes, nbytes) :]:
            starts = self.starts[size]
            while starts and self.size.get(starts[0]) != size:
                heappop(starts)
            if not starts:
                del self.starts[size]
                self.sizes.remove(size)
            elif starts[0] < best:
                best = starts[0]
        if best == self.end:
            self.end += nbytes
            self.most = max(self.most, self.end)
        else:
            size = self._remove(best)
            if size > nbytes:
                self._add(best + nbytes, size - nbytes)
        return best

    def give(self, offset: int, nbytes: int) -> None:
        """These bytes are free: one gap with those before and behind."""
        before = self.start.get(offset)
        if before is not None:
            nbytes += self._remove(before)
            offset = before
        if offset + nbytes in self.size:
            nbytes += self._remove(offset + nbytes)
        if offset + nbytes == self.end:
            self.end = offset
        else:
            self._add(offset, nbytes)

    def _add(self, offset: int, nbytes: int) -> None:
        self.size[offset], self.start[offset + nbytes] = nbytes, offset
        if nbytes not in self.starts:
            self.starts[nbytes] = []
            insort(self.sizes, nbytes)
        heappush(self.starts[nbytes], offset)

    def _remove(self, offset: int) -> int:
        nbytes = self.size.pop(offset)
        del self.start[offset + nbytes]
        return nbytes
