"""One WebGPU device: its adapter, queue and heap, and the pipelines made for it."""

from __future__ import annotations

from threading import RLock
from typing import Any

import numpy as np
import wgpu

from .adapters import Adapter
from .errors import translated
from .heap import LARGEST_PAGE, Heap
from .lowering.dispatch_list import ROW_WORDS, Words
from .lowering.memory_text import ARGS_BINDING, head

ROW_BYTES = 4 * ROW_WORDS


class Device:
    """A device, opened. `lock` is held while something is submitted."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.name = adapter.name
        self.lock = RLock()
        limits = adapter.gpu.limits
        binding = limits["max-storage-buffer-binding-size"]
        size = limits["max-buffer-size"]
        with translated(f"{self.name}: opening the device"):
            self.gpu = adapter.gpu.request_device_sync(
                required_limits={
                    "max-storage-buffer-binding-size": binding,
                    "max-buffer-size": size,
                }
            )
        self.queue = self.gpu.queue
        self.heap = Heap(self, min(binding, size, LARGEST_PAGE))
        self._pipelines: dict[str, Any] = {}
        self._layouts: dict[int, Any] = {}  # by the number of pages
        self._version = -1

    @property
    def pages(self) -> int:
        return len(self.heap.pages)

    def pipeline(self, text: str) -> Any:
        """The pipeline of a module, for the memory as it is now."""
        if self._version != self.pages:
            self._pipelines.clear()  # the head of every module is another
            self._version = self.pages
        found = self._pipelines.get(text)
        if found is None:
            found = self._pipelines[text] = self._made(text)
        return found

    def _made(self, text: str) -> Any:
        code = head(self.pages, self.heap.page_bits) + text
        with translated(f"{self.name}: compiling a kernel"):
            module = self.gpu.create_shader_module(code=code)
            return self.gpu.create_compute_pipeline(
                layout=self.gpu.create_pipeline_layout(
                    bind_group_layouts=[self._layout()]
                ),
                compute={"module": module, "entry_point": "main"},
            )

    def _layout(self) -> Any:
        found = self._layouts.get(self.pages)
        if found is None:
            compute = wgpu.ShaderStage.COMPUTE
            args: dict[str, Any] = {
                "type": "uniform",
                "has_dynamic_offset": True,
                "min_binding_size": ROW_BYTES,
            }
            entries: list[dict[str, Any]] = [
                {"binding": ARGS_BINDING, "visibility": compute, "buffer": args}
            ]
            entries += [
                {"binding": k + 1, "visibility": compute, "buffer": {"type": "storage"}}
                for k in range(self.pages)
            ]
            found = self.gpu.create_bind_group_layout(entries=entries)
            self._layouts[self.pages] = found
        return found

    def bind(self, args: Any) -> Any:
        """A bind group of all pages and a buffer of rows."""
        entries: list[dict[str, Any]] = [
            {
                "binding": ARGS_BINDING,
                "resource": {"buffer": args, "offset": 0, "size": ROW_BYTES},
            }
        ]
        entries += [
            {
                "binding": k + 1,
                "resource": {"buffer": page, "offset": 0, "size": page.size},
            }
            for k, page in enumerate(self.heap.pages)
        ]
        return self.gpu.create_bind_group(layout=self._layout(), entries=entries)

    def write(self, address: int, words: Words) -> None:
        if not words.size:
            return
        with self.lock:
            page, at = self.heap.locate(address)
            self.queue.write_buffer(page, at, np.ascontiguousarray(words))

    def read(self, address: int, words: int) -> Words:
        """A copy of so many words, when everything before is done."""
        if not words:
            return np.zeros(0, np.uint32)
        with self.lock, translated(f"{self.name}: reading memory"):
            page, at = self.heap.locate(address)
            return np.frombuffer(self.queue.read_buffer(page, at, 4 * words), np.uint32)

    def wait(self) -> None:
        """Return when everything submitted is done."""
        if self.heap.pages:
            self.read(0, 1)
