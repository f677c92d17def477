"""TreeSum: partial sums of a batch, added in the order in which one map adds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .shares import Block

#: The arrays of one sum, one of each dtype.
Terms = list[NDArray[np.generic]]


class TreeSum:
    """The sum over a batch's tasks, from the sums of its blocks, which come in any
    order: the tree is that of `nx.map`, so the bits are those of one map over all.

    total   how many tasks the batch has

    >>> whole = TreeSum(3)
    >>> whole.add(Block(2, 1), [np.float32([4.0])])
    >>> whole.add(Block(0, 2), [np.float32([3.0])])
    >>> whole.is_complete, whole.result()[0].tolist()
    (True, [7.0])
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._done = 0  # tasks whose sums are on the stack
        self._stack: list[tuple[int, Terms]] = []
        self._waiting: dict[int, tuple[Block, Terms]] = {}

    @property
    def is_complete(self) -> bool:
        return self._done == self.total

    def add(self, block: Block, terms: Terms) -> None:
        """Takes a block's sums; a block that came before is left out: whoever made them
        made the same bits."""
        if block.first >= self._done:
            self._waiting[block.first] = block, terms
        while self._done in self._waiting:
            self._push(*self._waiting.pop(self._done))

    def _push(self, block: Block, terms: Terms) -> None:
        self._done = block.stop
        count = block.tasks
        while self._stack and self._stack[-1][0] == count:
            terms = _added(self._stack.pop()[1], terms)
            count *= 2
        self._stack.append((count, terms))

    def result(self) -> Terms:
        """The sum over all tasks, of which every block has come."""
        assert self.is_complete
        total = self._stack.pop()[1]
        while self._stack:
            total = _added(self._stack.pop()[1], total)
        return total


def _added(left: Terms, right: Terms) -> Terms:
    """left + right, in the memory of one of them where it may be written to."""
    found = []
    for a, b in zip(left, right, strict=True):
        into = a if a.flags.writeable else b if b.flags.writeable else None
        found.append(np.add(a, b, out=into))
    return found
