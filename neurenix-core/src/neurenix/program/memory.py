"""The memory plan: blocks that live at different times share a frame's scratch."""

from __future__ import annotations

from collections.abc import Iterable

from .layout import Block

ALIGNMENT = 64


def aligned(nbytes: int) -> int:
    return -(-max(nbytes, 1) // ALIGNMENT) * ALIGNMENT


def place(blocks: Iterable[Block]) -> int:
    """Give each block an offset; return the bytes of scratch that they need together.

    In the order in which they come to life, each into the first gap that it fits.
    """
    live: list[Block] = []  # by offset
    size = 0
    for block in sorted(blocks, key=lambda b: b.first):
        live = [b for b in live if b.last >= block.first]
        need, offset, at = aligned(block.nbytes), 0, 0
        while at < len(live) and live[at].offset - offset < need:
            offset = live[at].offset + aligned(live[at].nbytes)
            at += 1
        block.offset = offset
        live.insert(at, block)
        size = max(size, offset + need)
    return size
