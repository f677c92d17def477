"""The memory of a device: every tensor is a piece of a few large buffers, the pages.

A kernel binds all pages at once, so that any number of operands takes one binding a
page. Work is done in the order in which it was submitted: what is free may be taken
again at once.
"""

from __future__ import annotations

from collections import deque

import wgpu

from neurenix.errors import OutOfMemoryError

from .lowering.free_list import FreeList
from .opened import Opened

PIECE = 256  # bytes
SMALLEST_PAGE = 16 << 20  # bytes of the first page at first
MAX_PAGES = 8  # storage buffers that every WebGPU device lets a kernel bind
LARGEST_PAGE = 1 << 31  # bytes: eight of them have as many words as an address can name

_USAGE = (
    wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_DST | wgpu.BufferUsage.COPY_SRC
)


class Heap:
    """Pages of at most `page_bytes`. An address counts words: the page's number stands
    above its lowest `page_bits`."""

    def __init__(self, device: Opened, page_bytes: int) -> None:
        self.device = device
        self.page_bytes = page_bytes // PIECE * PIECE
        self.page_bits = (self.page_bytes // 4 - 1).bit_length()
        self.pages: list[wgpu.GPUBuffer] = []
        self.free: list[FreeList] = []
        self.used = 0
        self.peak = 0
        self.version = 0  # of what a bind group binds
        # A buffer may die anywhere, in any thread, in the middle of what is here.
        self._given: deque[tuple[int, int]] = deque()
        self._add(PIECE)

    def take(self, words: int) -> int:
        """The address of a piece of memory for so many words."""
        nbytes = piece(words)
        self._collect()
        for page, free in enumerate(self.free):
            start = free.take(nbytes)
            if start is not None:
                return self._taken(page, start, nbytes)
        self._make_room(nbytes)
        page = len(self.free) - 1
        start = self.free[page].take(nbytes)
        assert start is not None
        return self._taken(page, start, nbytes)

    def give(self, address: int, words: int) -> None:
        """The piece is free, as soon as somebody looks."""
        self._given.append((address, words))

    def locate(self, address: int) -> tuple[wgpu.GPUBuffer, int]:
        """The page and the byte that an address names."""
        mask = (1 << self.page_bits) - 1
        return self.pages[address >> self.page_bits], 4 * (address & mask)

    def in_use(self) -> int:
        self._collect()
        return self.used

    @property
    def page_words(self) -> int:
        return self.page_bytes // 4

    @property
    def total(self) -> int:
        return sum(free.size for free in self.free)

    def _taken(self, page: int, start: int, nbytes: int) -> int:
        self.used += nbytes
        self.peak = max(self.peak, self.used)
        return (page << self.page_bits) + start // 4

    def _collect(self) -> None:
        while self._given:
            address, words = self._given.popleft()
            nbytes = piece(words)
            start = 4 * (address & ((1 << self.page_bits) - 1))
            self.free[address >> self.page_bits].give(start, nbytes)
            self.used -= nbytes

    def _make_room(self, nbytes: int) -> None:
        """A larger last page, or one more."""
        if nbytes > self.page_bytes:
            raise OutOfMemoryError(
                f"a buffer of {nbytes / 1e6:,.0f} MB: a kernel of "
                f"{self.device.name} can bind {self.page_bytes / 1e6:,.0f} MB at once"
            )
        if self.free and self.free[-1].size + nbytes <= self.page_bytes:
            self._grow(nbytes)
        elif len(self.free) < MAX_PAGES:
            self._add(nbytes)
        else:
            raise OutOfMemoryError(
                f"{self.device.name} has {MAX_PAGES} pages of "
                f"{self.page_bytes / 1e6:,.0f} MB, as many as a kernel can bind, "
                f"and no piece of {nbytes / 1e6:,.0f} MB is free in them: run fewer "
                "tasks at once (chunk=, max_memory=), or let tensors go"
            )

    def _add(self, nbytes: int) -> None:
        least = SMALLEST_PAGE if not self.free else self.page_bytes
        size = min(max(nbytes, least), self.page_bytes)
        self.pages.append(self._buffer(size))
        self.free.append(FreeList(size))
        self.version += 1

    def _grow(self, nbytes: int) -> None:
        """Copy the last page to a larger buffer: every address stays as it is."""
        old, free = self.pages[-1], self.free[-1]
        size = min(max(2 * free.size, free.size + nbytes), self.page_bytes)
        made = self._buffer(size)
        encoder = self.device.gpu.create_command_encoder()
        encoder.copy_buffer_to_buffer(old, 0, made, 0, free.size)
        self.device.queue.submit([encoder.finish()])
        free.grow(size)
        self.pages[-1] = made
        self.version += 1

    def _buffer(self, size: int) -> wgpu.GPUBuffer:
        with self.device.guarded(f"a page of {size / 1e6:,.0f} MB"):
            return self.device.gpu.create_buffer(size=size, usage=_USAGE)


def piece(words: int) -> int:
    """The bytes that a piece for so many words takes."""
    return max(-(-4 * words // PIECE), 1) * PIECE
