"""The backend: buffers and programs on WebGPU devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurenix.backends import Backend, Capabilities
from neurenix.primitives import TensorType
from neurenix.program import Program

from .adapters import find_adapters
from .device import Device
from .executable import Buffer, WebGPUExecutable
from .heap import MAX_PAGES
from .lowering import PRIMITIVES
from .lowering.storage import DTYPES, from_words, to_words


class WebGPUBackend(Backend):
    def __init__(self) -> None:
        self.adapters = find_adapters()
        self.devices: dict[int, Device] = {}

    def device(self, index: int) -> Device:
        found = self.devices.get(index)
        if found is None:
            found = self.devices[index] = Device(self.adapters[index])
        return found

    def device_count(self) -> int:
        return len(self.adapters)

    def capabilities(self, index: int) -> Capabilities:
        device = self.device(index)
        return Capabilities(
            dtypes=DTYPES,
            primitives=PRIMITIVES,
            memory_bytes=MAX_PAGES * device.heap.page_bytes,
            name=device.name,
        )

    def configure(self, options: dict[str, Any]) -> None:
        """Nothing of `nx.init` concerns a GPU."""

    def compile(self, program: Program, index: int, state: int = 0) -> WebGPUExecutable:
        return WebGPUExecutable(self.device(index), program, state)

    def upload(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer:
        device = self.device(index)
        buffer = Buffer(device, type)
        device.write(buffer.address, to_words(array, type.dtype))
        return buffer

    def adopt(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer | None:
        return None

    def owns(self, buffer: Buffer) -> bool:
        return True

    def download(self, buffer: Buffer, type: TensorType) -> np.ndarray[Any, Any]:
        words = buffer.device.read(buffer.address, buffer.words)
        array = from_words(words, type)
        array.setflags(write=False)
        return array

    def synchronize(self, index: int) -> None:
        self.device(index).wait()

    def memory_stats(self, index: int) -> dict[str, int]:
        heap = self.device(index).heap
        used = heap.in_use()
        return {"allocated": used, "peak": heap.peak, "cached": heap.total - used}
