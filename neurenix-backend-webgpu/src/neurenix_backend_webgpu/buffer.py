"""Buffers: pieces of a device's memory, freed with their last reference."""

from __future__ import annotations

from neurenix.primitives import TensorType

from .device import Device
from .lowering.storage import word_count


class Buffer:
    """A tensor's piece of a device's memory."""

    __slots__ = ("__weakref__", "address", "device", "nbytes", "words")

    def __init__(self, device: Device, address: int, words: int, nbytes: int) -> None:
        self.device = device
        self.address = address
        self.words = words
        self.nbytes = nbytes

    def __del__(self) -> None:
        self.device.heap.give(self.address, self.words)


def new_buffer(device: Device, type: TensorType) -> Buffer:
    words = word_count(type)
    with device.lock:
        address = device.heap.take(words)
    return Buffer(device, address, words, type.nbytes)
