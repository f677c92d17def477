"""The free pieces of one page, and of which of them a block is made: the first that it
fits."""

from __future__ import annotations

from bisect import bisect_left


class FreeList:
    """Offsets from 0 to `size`. `peak_end` is the end of what was ever taken.

    >>> free = FreeList(100)
    >>> free.take(60), free.take(60), free.take(40)
    (0, None, 60)
    >>> free.give(0, 60); free.give(60, 40); free.take(100)
    0
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.peak_end = 0
        self._starts: list[int] = [0] if size else []  # of the free pieces, in order
        self._sizes: dict[int, int] = {0: size}  # by where the piece starts

    def take(self, size: int) -> int | None:
        """The offset of a piece of this size, or None where there is none."""
        for k, start in enumerate(self._starts):
            room = self._sizes[start]
            if room < size:
                continue
            del self._sizes[start]
            if room == size:
                del self._starts[k]
            else:
                self._starts[k] = start + size
                self._sizes[start + size] = room - size
            self.peak_end = max(self.peak_end, start + size)
            return start
        return None

    def give(self, start: int, size: int) -> None:
        """Free the piece: one with those before and behind it."""
        k = bisect_left(self._starts, start)
        if k < len(self._starts) and self._starts[k] == start + size:
            size += self._sizes.pop(self._starts.pop(k))
        if k and self._starts[k - 1] + self._sizes[self._starts[k - 1]] == start:
            self._sizes[self._starts[k - 1]] += size
            return
        self._starts.insert(k, start)
        self._sizes[start] = size

    def grow(self, size: int) -> None:
        """Make the end `size`."""
        added, old = size - self.size, self.size
        self.size = size
        self.give(old, added)

    @property
    def free(self) -> int:
        return sum(self._sizes.values())

    @property
    def largest(self) -> int:
        """The largest free piece."""
        return max(self._sizes.values(), default=0)
