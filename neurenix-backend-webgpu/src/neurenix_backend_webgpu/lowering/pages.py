"""Scratch in pieces that fit on a page each, where one binding cannot hold it all."""

from __future__ import annotations

from collections.abc import Sequence

from neurenix.errors import OutOfMemoryError
from neurenix.phynexus.plan.place import ALIGNMENT, aligned, place
from neurenix.phynexus.plan.views import Block

from .free_list import FreeList

PAGE_WORDS = 1 << 25  # 128 MiB: the least that WebGPU lets a kernel bind


def place_on_pages(blocks: Sequence[Block], page_words: int) -> tuple[int, ...]:
    """Give each block an offset so that none crosses a multiple of the page's size; the
    words that are used of each page.

    Raises OutOfMemoryError for a block that is larger than a page.
    """
    page = 4 * page_words
    largest = max((aligned(b.nbytes) for b in blocks), default=0)
    if largest > page:
        raise OutOfMemoryError(
            f"one value of the program takes {_size(largest)}, and a kernel of this "
            f"device can bind {_size(page)} at once; make it smaller: run fewer tasks "
            "at once with chunk= (or max_memory=), or take smaller batches"
        )
    together = place(blocks)
    if together <= page:
        return (together // 4,) if together else ()
    pages: list[FreeList] = []
    live: list[tuple[int, int, int]] = []  # (last, page, offset)
    sizes: dict[tuple[int, int], int] = {}
    for block in sorted(blocks, key=lambda b: b.first):
        for ended in [x for x in live if x[0] < block.first]:
            live.remove(ended)
            pages[ended[1]].give(ended[2], sizes.pop(ended[1:]))
        nbytes = aligned(block.nbytes)
        number, offset = _take(pages, nbytes, page)
        block.offset = number * page + offset
        live.append((block.last, number, offset))
        sizes[number, offset] = nbytes
    return tuple(-(-p.peak_end // ALIGNMENT) * ALIGNMENT // 4 for p in pages)


def _take(pages: list[FreeList], nbytes: int, page: int) -> tuple[int, int]:
    for number, free in enumerate(pages):
        offset = free.take(nbytes)
        if offset is not None:
            return number, offset
    pages.append(FreeList(page))
    offset = pages[-1].take(nbytes)
    assert offset is not None  # it is not larger than a page
    return len(pages) - 1, offset


def _size(nbytes: int) -> str:
    return f"{nbytes / 1e6:,.0f} MB"
