"""Shares: a batch's tasks, divided among workers along the tree of their sum.

A map adds up as a binary counter does: of tasks 0, 1, 2, … neighbours merge whose
number of tasks is the same power of two, and what is left merges from the end. A block
of tasks whose sum is one branch of that tree can be summed anywhere.
"""

from __future__ import annotations

from typing import NamedTuple


class Block(NamedTuple):
    """Neighbouring tasks of a batch whose sum is a branch of the tree.

    first   the number of the first within the batch
    tasks   how many: a power of two that divides `first`, or whatever is left at the
            batch's end where that is less
    """

    first: int
    tasks: int

    @property
    def stop(self) -> int:
        return self.first + self.tasks


def blocks_of(first: int, stop: int, total: int) -> list[Block]:
    """The tasks from `first` to before `stop`, in a batch of `total`, as few blocks.

    >>> blocks_of(3, 8, 8)
    [Block(first=3, tasks=1), Block(first=4, tasks=4)]
    >>> blocks_of(4, 7, 7)
    [Block(first=4, tasks=3)]
    """
    found = []
    while first < stop:
        left = stop - first
        widest = first & -first or 1 << total.bit_length()
        count = min(widest, 1 << left.bit_length() - 1)
        if stop == total and left <= widest:
            count = left
        found.append(Block(first, count))
        first += count
    return found


def divided(total: int, workers: int) -> list[tuple[Block, ...]]:
    """Each worker's blocks of a batch of `total` tasks, at most `workers` shares.

    No share has more than ⌈total / workers⌉ tasks; within that, shares end where few
    blocks come of it. The division is a function of these two numbers alone, and no
    result depends on it.

    >>> divided(8, 2)
    [(Block(first=0, tasks=4),), (Block(first=4, tasks=4),)]
    >>> [sum(block.tasks for block in share) for share in divided(5, 3)]
    [2, 2, 1]
    """
    most = -(-total // workers)
    shares: list[tuple[Block, ...]] = []
    first = 0
    while first < total:
        later = workers - len(shares) - 1
        least = max(first + 1, total - later * most)
        stop = _roundest(least, min(first + most, total), total)
        shares.append(tuple(blocks_of(first, stop, total)))
        first = stop
    return shares


def _roundest(least: int, most: int, total: int) -> int:
    """Of these ends of a share the one that most powers of two divide, the last of
    several; the batch's end, if it is among them."""
    if most == total:
        return most
    return max(range(least, most + 1), key=lambda end: (end & -end, end))
