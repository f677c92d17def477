"""Buffers: pieces of a device's memory, freed with their last reference."""

from __future__ import annotations

from neurenix.primitives import TensorType

from .device import Device
from .lowering.storage import word_count


class Buffer:
    """A tensor's piece of a device's memory."""

    __slots__ = ("__weakref__", "address", "device", "nbytes", "words")

    def __init__(self, device: Device, type: TensorType) -> None:
        self.device = device
        self.nbytes = type.nbytes
        self.words = word_count(type)
        with device.lock:
            self.address = device.heap.take(self.words)

    def __del__(self) -> None:
        self.device.heap.give(self.address, self.words)
