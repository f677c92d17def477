"""The compute pipelines of a device: one for each text, made in threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import wgpu

from .heap import Heap
from .lowering.memory_text import ARGS_BINDING, module_text
from .opened import Opened

_THREADS = min(os.cpu_count() or 1, 8)


class Pipelines:
    """`made` counts those that were ever made."""

    def __init__(self, device: Opened, heap: Heap) -> None:
        self._device = device
        self._heap = heap
        self._by_text: dict[str, Any] = {}
        self._pages = 0  # that the pipelines were made for
        self._layout: Any = None
        self.made = 0

    def get(self, texts: Mapping[str, str | None]) -> list[Any]:
        """The pipelines of these texts, for the memory as it is now; each text comes
        with the user's line that asked for it, for messages."""
        with self._device.lock:
            self._keep_up()
            missing = [text for text in texts if text not in self._by_text]
            if len(missing) > 1 and _THREADS > 1:
                # the compiler of the driver lets the interpreter's lock go
                with ThreadPoolExecutor(min(_THREADS, len(missing))) as pool:
                    made = list(pool.map(lambda t: self._make(t, texts[t]), missing))
            else:
                made = [self._make(text, texts[text]) for text in missing]
            self._by_text.update(zip(missing, made, strict=True))
            self.made += len(made)
            return [self._by_text[text] for text in texts]

    def layout(self) -> Any:
        """The layout of the one bind group that all kernels share."""
        self._keep_up()
        return self._layout

    def _keep_up(self) -> None:
        """With another number of pages, every module's head is another."""
        pages = len(self._heap.pages)
        if self._pages == pages:
            return
        self._pages = pages
        self._by_text.clear()
        stage = wgpu.ShaderStage.COMPUTE
        rows = {"type": "uniform", "has_dynamic_offset": True, "min_binding_size": 256}
        entries = [{"binding": ARGS_BINDING, "visibility": stage, "buffer": rows}]
        entries += [
            {"binding": 1 + k, "visibility": stage, "buffer": {"type": "storage"}}
            for k in range(pages)
        ]
        with self._device.guarded("laying bindings out"):
            gpu = self._device.gpu
            self._layout = gpu.create_bind_group_layout(entries=entries)
            self._of_all = gpu.create_pipeline_layout(bind_group_layouts=[self._layout])

    def _make(self, text: str, source: str | None) -> Any:
        asked = f" for {source}" if source else ""
        gpu = self._device.gpu
        with self._device.guarded(f"compiling a kernel{asked}"):
            module = gpu.create_shader_module(
                code=module_text(text, self._pages, self._heap.page_bits)
            )
            return gpu.create_compute_pipeline(
                layout=self._of_all, compute={"module": module, "entry_point": "main"}
            )
