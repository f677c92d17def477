"""A dispatch list on a device: its constants, pipelines and rows, and their submission.

All dispatches of a run, or of several steps, go in one pass of one submission.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .device import ROW_BYTES, Device
from .lowering import DispatchList
from .lowering.dispatch_list import CONSTANTS, FIRST_INPUT, Rows, Words


class Loaded:
    def __init__(self, device: Device, dispatch_list: DispatchList) -> None:
        self.device = device
        self.list = dispatch_list
        self.rows = Rows(dispatch_list.dispatches)
        self.bases: Words = np.zeros(dispatch_list.spaces, np.uint32)
        self.sources: dict[str, str | None] = dict.fromkeys(self.list.modules)
        for d in reversed(dispatch_list.dispatches):
            self.sources[self.list.modules[d.module]] = d.source
        self.room = 1  # for the rows of so many steps
        self.version = -1
        words = len(dispatch_list.constants)
        if words:
            with device.lock:
                address = device.heap.take(words)
            self.bases[CONSTANTS] = address
            weakref.finalize(self, device.heap.give, address, words)
            device.write(address, dispatch_list.constants)
        with device.lock:
            self._keep_up(1)  # what does not compile says so now

    def submit(
        self,
        steps: Sequence[Sequence[int]],
        before: Callable[[Any], None] | None = None,
    ) -> None:
        """Run the list once for each of `steps`, which are the addresses of inputs and
        outputs; `before` may put copies before them."""
        dispatches = self.list.dispatches
        if not dispatches:
            return
        device, heap = self.device, self.device.heap
        with device.lock:
            scratch = [heap.take(words) for words in self.list.scratch]
            try:
                self._keep_up(len(steps))
                with device.guarded("running a program"):
                    for k, step in enumerate(steps):
                        self.bases[FIRST_INPUT:] = [*step, *scratch]
                        filled = self.rows.filled(self.bases)
                        device.queue.write_buffer(self.args, k * filled.nbytes, filled)
                    encoder = device.gpu.create_command_encoder()
                    if before is not None:
                        before(encoder)
                    if device.profile is not None:
                        device.profile.encode(
                            encoder, dispatches, self.pipelines, self.group, len(steps)
                        )
                    else:
                        self.encode(encoder.begin_compute_pass(), len(steps))
                    device.submit(encoder)
            finally:
                for address, words in zip(scratch, self.list.scratch, strict=True):
                    heap.give(address, words)
        if device.profile is not None:
            device.profile.collect()

    def encode(self, compute: Any, steps: int) -> None:
        """All dispatches of so many steps, and the end of the pass."""
        set_pipeline = compute.set_pipeline
        set_group, dispatch = compute.set_bind_group, compute.dispatch_workgroups
        group, pipelines, at, module = self.group, self.pipelines, 0, -1
        for _ in range(steps):
            for d in self.list.dispatches:
                if d.module != module:
                    module = d.module
                    set_pipeline(pipelines[module])
                set_group(0, group, [at])
                dispatch(*d.groups)
                at += ROW_BYTES
        compute.end()

    def _keep_up(self, steps: int) -> None:
        """Room for so many rows; pipelines and a group for the memory as it is."""
        room = max(self.room, steps)
        version = self.device.heap.version
        if version == self.version and room == self.room:
            return
        if room > self.room or self.version < 0:
            self.args = self.device.uniform(room * max(len(self.list.dispatches), 1))
            self.room = room
        self.pipelines = self.device.pipelines.get(self.sources)
        self.group = self.device.bind(self.args)
        self.version = version
