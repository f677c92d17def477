"""A WebGPU device of wgpu, opened, whose errors are Neurenix's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from neurenix.backends.leaving import leave

from .adapters import Adapter
from .errors import DeviceLostError, translated

TIMESTAMPS = "timestamp-query"


class Opened:
    """`lock` is held while something is submitted. `lost`: whether the driver has given
    the device up; then it serves nobody any more."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.name = adapter.name
        self.lock = RLock()
        self.lost = False
        limits = adapter.gpu.limits
        self.binding = limits["max-storage-buffer-binding-size"]
        self.largest = limits["max-buffer-size"]
        features = [TIMESTAMPS] if TIMESTAMPS in adapter.gpu.features else []
        with self.guarded("opening the device"):
            # All other limits are the standard's: what runs here runs on any adapter.
            self.gpu = adapter.gpu.request_device_sync(
                required_features=features,
                required_limits={
                    "max-storage-buffer-binding-size": self.binding,
                    "max-buffer-size": self.largest,
                },
            )
        self.queue = self.gpu.queue

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Errors of wgpu inside are Neurenix's, and a lost device is known as lost."""
        try:
            with translated(f"{self.name}: {what}"):
                yield
        except DeviceLostError:
            self.lost = True
            leave()
            raise
