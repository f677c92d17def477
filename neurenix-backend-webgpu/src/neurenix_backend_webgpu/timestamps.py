"""Times of single dispatches, by the GPU's own clock, while a profile is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import wgpu
from wgpu.backends.wgpu_native import lib

from neurenix.backends.protocol import InstructionCost
from neurenix.program.describe import Description

from .lowering.dispatch_list import ROW_WORDS, Dispatch
from .opened import Opened

_MOST = 4096  # queries of a set, as WebGPU has it: two a dispatch


class Timestamps:
    """What ran on a device since the profile began. Each dispatch is a pass of its own,
    since a pass is what every adapter can time; so several steps take longer here."""

    def __init__(self, device: Opened) -> None:
        self.device = device
        # wgpu counts in ticks, which only its C library can tell the length of
        native: Any = lib
        self.period = float(native.wgpuQueueGetTimestampPeriod(device.queue._internal))
        self.costs: dict[Description, list[int]] = {}  # count, nanoseconds
        gpu, usage = device.gpu, wgpu.BufferUsage
        with device.guarded("making room for times"):
            self.queries = gpu.create_query_set(type="timestamp", count=_MOST)
            self.answers = gpu.create_buffer(
                size=8 * _MOST, usage=usage.QUERY_RESOLVE | usage.COPY_SRC
            )
        self.timed: list[Description] = []

    def encode(
        self,
        encoder: Any,
        dispatches: Sequence[Dispatch],
        pipelines: Sequence[Any],
        group: Any,
        steps: int,
    ) -> None:
        """The dispatches of so many steps, the first ones with their times."""
        at = 0
        for _ in range(steps):
            for d in dispatches:
                timed = d.description is not None and len(self.timed) < _MOST // 2
                options: dict[str, Any] = {}
                if timed and d.description is not None:
                    begin = 2 * len(self.timed)
                    options["timestamp_writes"] = {
                        "query_set": self.queries,
                        "beginning_of_pass_write_index": begin,
                        "end_of_pass_write_index": begin + 1,
                    }
                    self.timed.append(d.description)
                compute = encoder.begin_compute_pass(**options)
                compute.set_pipeline(pipelines[d.module])
                compute.set_bind_group(0, group, [at])
                compute.dispatch_workgroups(*d.groups)
                compute.end()
                at += 4 * ROW_WORDS
        if self.timed:
            count = 2 * len(self.timed)
            encoder.resolve_query_set(self.queries, 0, count, self.answers, 0)

    def collect(self) -> None:
        """Read the times of what was submitted last."""
        timed, self.timed = self.timed, []
        if not timed:
            return
        with self.device.lock, self.device.guarded("reading times"):
            raw: Any = self.device.queue.read_buffer(self.answers, 0, 16 * len(timed))
        times = np.frombuffer(raw, np.uint64).reshape(-1, 2)
        # a clock that was set back between the two gives no time
        spent = np.where(times[:, 1] > times[:, 0], times[:, 1] - times[:, 0], 0)
        for description, ticks in zip(timed, spent.tolist(), strict=True):
            cost = self.costs.setdefault(description, [0, 0])
            cost[0] += 1
            cost[1] += round(ticks * self.period)

    def rows(self) -> list[InstructionCost]:
        return [
            InstructionCost(description, "", description.source, count, nanoseconds)
            for description, (count, nanoseconds) in self.costs.items()
        ]
