"""One WebGPU device: its adapter, queue and heap, and the pipelines made for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import wgpu

from neurenix.errors import BackendError

from .adapters import Adapter
from .heap import LARGEST_PAGE, Heap
from .lowering.dispatch_list import ROW_WORDS, Words
from .opened import Opened
from .pipelines import Pipelines
from .timestamps import Timestamps

ROW_BYTES = 4 * ROW_WORDS
_UNDER_WAY = 256  # submissions, before the host waits: each may hold memory


class Device(Opened):
    """An opened device with memory of its own.

    profile   where the times of what runs are gathered, while a profile is taken
    """

    def __init__(self, adapter: Adapter) -> None:
        super().__init__(adapter)
        self.profile: Timestamps | None = None
        self.heap = Heap(self, min(self.binding, self.largest, LARGEST_PAGE))
        self.pipelines = Pipelines(self, self.heap)
        self._under_way = 0

    def check(self, other: Device) -> None:
        """Raises BackendError for a buffer of a device that has been lost since."""
        if other is not self:
            raise BackendError(
                f"{self.name}: a tensor lay on the device when it was lost, and is "
                "gone: make it again, or load your last checkpoint"
            )

    def bind(self, rows: Any) -> Any:
        """A bind group of all pages and a buffer of rows."""
        with self.guarded("binding memory"):
            return self.gpu.create_bind_group(
                layout=self.pipelines.layout(),
                entries=[
                    {
                        "binding": k,
                        "resource": {"buffer": buffer, "offset": 0, "size": size},
                    }
                    for k, (buffer, size) in enumerate(
                        [(rows, ROW_BYTES), *((p, p.size) for p in self.heap.pages)]
                    )
                ],
            )

    def uniform(self, rows: int) -> Any:
        """A buffer for so many rows of arguments."""
        usage = wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST
        with self.guarded("making room for arguments"):
            return self.gpu.create_buffer(size=ROW_BYTES * rows, usage=usage)

    def submit(self, encoder: Any) -> None:
        self.queue.submit([encoder.finish()])
        self._under_way += 1
        if self._under_way >= _UNDER_WAY:
            self.wait()

    def write(self, address: int, words: Words) -> None:
        if not words.size:
            return
        with self.lock, self.guarded("writing memory"):
            page, at = self.heap.locate(address)
            self.queue.write_buffer(page, at, np.ascontiguousarray(words))

    def read(self, address: int, words: int) -> Words:
        """A copy of so many words, when everything before is done."""
        if not words:
            return np.zeros(0, np.uint32)
        with self.lock, self.guarded("reading memory"):
            page, at = self.heap.locate(address)
            self._under_way = 0
            raw: Any = self.queue.read_buffer(page, at, 4 * words)
        return np.frombuffer(raw, np.uint32)

    def wait(self) -> None:
        """Return when everything submitted is done. (wgpu-py 0.32's own call for this,
        `on_submitted_work_done_sync`, raises TypeError.)"""
        self.read(0, 1)
