"""The backend: buffers and programs on WebGPU devices."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from neurenix.backends import Backend, Capabilities
from neurenix.backends.protocol import InstructionCost
from neurenix.primitives import TensorType
from neurenix.program import Program

from .adapters import find_adapters
from .buffer import Buffer, new_buffer
from .device import Device
from .errors import LostTensorError
from .executable import WebGPUExecutable
from .heap import MAX_PAGES
from .lowering import PRIMITIVES
from .lowering.device_numbers import (
    CONTROL,
    FEATURES,
    LIMITS,
    SOFTWARE_TASKS,
    TASKS,
)
from .lowering.storage import DTYPES, from_words, to_words
from .opened import TIMESTAMPS
from .self_check import self_check
from .timestamps import Timestamps


class WebGPUBackend(Backend):
    def __init__(self) -> None:
        self.adapters = find_adapters()
        self.devices: dict[int, Device] = {}
        self.takes_profiles = all(TIMESTAMPS in a.gpu.features for a in self.adapters)

    def device(self, index: int) -> Device:
        """The device, opened on first use, and anew after a loss."""
        found = self.devices.get(index)
        if found is None or found.lost:
            if found is not None:  # an adapter may have gone with it
                find_adapters.cache_clear()
                self.adapters = find_adapters()
            found = self.devices[index] = Device(self.adapters[index])
            wrong = self_check(found)
            if wrong:
                warnings.warn(
                    f"webgpu:{index} ({found.name}): {wrong}", RuntimeWarning, 2
                )
        return found

    def device_count(self) -> int:
        return len(self.adapters)

    def capabilities(self, index: int) -> Capabilities:
        device = self.device(index)
        return Capabilities(
            dtypes=DTYPES,
            primitives=PRIMITIVES | CONTROL,
            features=FEATURES,
            limits=LIMITS,
            tasks=SOFTWARE_TASKS if device.adapter.software else TASKS,
            memory_bytes=MAX_PAGES * device.heap.page_bytes,
            tensor_bytes=device.heap.page_bytes,
            name=device.name,
            engine=device.adapter.engine,
        )

    def configure(self, options: dict[str, Any]) -> None:
        """Nothing of `nx.init` concerns a GPU."""

    def compile(self, program: Program, index: int, state: int = 0) -> WebGPUExecutable:
        return WebGPUExecutable(partial(self.device, index), program, state)

    def upload(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer:
        device = self.device(index)
        buffer = new_buffer(device, type)
        device.write(buffer.address, to_words(array, type.dtype))
        return buffer

    def adopt(
        self, array: np.ndarray[Any, Any], type: TensorType, index: int
    ) -> Buffer | None:
        return None

    def owns(self, buffer: Buffer) -> bool:
        return True

    def download(self, buffer: Buffer, type: TensorType) -> np.ndarray[Any, Any]:
        if buffer.device.lost:
            raise LostTensorError(
                f"{buffer.device.name}: the tensor lay on the device when it was "
                "lost, and is gone: make it again, or load your last checkpoint"
            )
        words = buffer.device.read(buffer.address, buffer.words)
        array = from_words(words, type)
        array.setflags(write=False)
        return array

    def synchronize(self, index: int) -> None:
        self.device(index).wait()

    def memory_stats(self, index: int) -> dict[str, int]:
        device = self.device(index)
        heap = device.heap
        with device.lock:
            used = heap.in_use()
        return {"allocated": used, "peak": heap.peak, "cached": heap.total - used}

    def self_check(self, index: int) -> str:
        return self_check(self.device(index))

    def start_profile(self) -> None:
        for index in range(len(self.adapters)):
            device = self.device(index)
            device.profile = Timestamps(device)

    def finish_profile(self) -> list[InstructionCost]:
        rows: list[InstructionCost] = []
        for device in self.devices.values():
            if device.profile is not None:
                rows += device.profile.rows()
                device.profile = None
        return rows
