"""Several steps of a program, as many in one submission as take but a moment.

A guarded step that leaves False ends them, but those behind it in the same submission
have run by then: the state from before the submission is put back, and what counts is
run again. The same bits come out, since nothing depends on how steps are grouped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import wgpu

from neurenix.backends.protocol import StepsCall
from neurenix.backends.several_steps import stacked

from .buffer import Buffer, new_buffer
from .loaded import Loaded
from .lowering.storage import word_count

MOST = 16  # steps of one submission
MOMENT = 0.05  # seconds: between two submissions Python looks for Ctrl-C


class Ready(Protocol):
    """An executable as several steps need it.

    state          how many of the bound buffers are written
    step_seconds   what one of several steps took last
    """

    state: int
    step_seconds: float | None

    def loaded(self) -> Loaded: ...

    def state_buffers(self) -> list[Buffer]: ...

    def addresses(self, loaded: Loaded, buffers: Sequence[Buffer]) -> list[int]: ...


def steps_stack(call: StepsCall) -> bool:
    """Whether each step's part of a stacked value begins with a word of its own."""
    moving = [t for t, moves in zip(call.types, call.moving, strict=True) if moves]
    return all(
        word_count(stacked(t, call.count)) == call.count * word_count(t)
        for t in (*moving, *call.out_types)
    )


class WebGPUSteps:
    def __init__(self, executable: Ready, call: StepsCall) -> None:
        self.executable = executable
        self.call = call
        self.done = 0
        self.stopped = False
        device = executable.loaded().device
        self.results = [
            new_buffer(device, stacked(t, call.count)) for t in call.out_types
        ]
        self.moved = [
            word_count(t) if moves else 0
            for t, moves in zip(call.types, call.moving, strict=True)
        ]
        self.made = [word_count(t) for t in call.out_types]

    def go_on(self) -> None:
        executable, call = self.executable, self.call
        loaded = executable.loaded()
        device = loaded.device
        state = executable.state_buffers() if call.stateful else []
        written = state[: executable.state]
        count = min(self._together(), call.count - self.done)
        steps = [self._addresses(loaded, state, self.done + k) for k in range(count)]
        start = perf_counter()
        with device.lock:
            kept = Snapshot(written) if call.guarded and written and count > 1 else None
            loaded.submit(steps, kept.take if kept else None)
            good = self._good(count) if call.guarded else count
            if good == count:
                device.wait()
            else:
                self.stopped = True
                good += 1  # the one that left False counts
                if kept is not None and good < count:
                    loaded.submit(steps[:good], kept.put_back)
        executable.step_seconds = (perf_counter() - start) / count
        self.done += good

    def outputs(self) -> list[Buffer]:
        if self.done == self.call.count:
            return self.results
        return [
            self._first(buffer, words)
            for buffer, words in zip(self.results, self.made, strict=True)
        ]

    def _together(self) -> int:
        seconds = self.executable.step_seconds
        if seconds is None:
            return 1
        return max(1, min(MOST, int(MOMENT / max(seconds, 1e-9))))

    def _addresses(self, loaded: Loaded, state: list[Buffer], step: int) -> list[int]:
        written = state[: self.executable.state]
        inputs = self.executable.addresses(loaded, self.call.inputs)
        results = self.executable.addresses(loaded, self.results)
        fixed = self.executable.addresses(loaded, state)
        return [
            *fixed,
            *(a + step * n for a, n in zip(inputs, self.moved, strict=True)),
            *fixed[: len(written)],
            *(a + step * n for a, n in zip(results, self.made, strict=True)),
        ]

    def _good(self, count: int) -> int:
        """How many of the last steps left True, up to the first that did not."""
        flags = self.results[-1]
        words = flags.device.read(flags.address + self.done, count)
        return int(np.argmin(words)) if not words.all() else count

    def _first(self, buffer: Buffer, words: int) -> Buffer:
        """The rows of the steps that count, in a buffer of their own."""
        type_ = self.call.out_types[self.results.index(buffer)]
        short = new_buffer(buffer.device, stacked(type_, self.done))
        device = buffer.device
        device.write(short.address, device.read(buffer.address, self.done * words))
        return short


class Snapshot:
    """A copy of the state, from before a submission."""

    def __init__(self, buffers: list[Buffer]) -> None:
        self.device = buffers[0].device
        self.buffers = buffers
        usage = wgpu.BufferUsage.COPY_DST | wgpu.BufferUsage.COPY_SRC
        size = sum(4 * max(b.words, 1) for b in buffers)
        with self.device.guarded("keeping the state"):
            self.copy = self.device.gpu.create_buffer(size=size, usage=usage)

    def take(self, encoder: Any) -> None:
        for page, start, at, size in self._places():
            encoder.copy_buffer_to_buffer(page, start, self.copy, at, size)

    def put_back(self, encoder: Any) -> None:
        for page, start, at, size in self._places():
            encoder.copy_buffer_to_buffer(self.copy, at, page, start, size)

    def _places(self) -> Iterator[tuple[Any, int, int, int]]:
        at = 0
        for buffer in self.buffers:
            size = 4 * buffer.words
            if size:
                yield *self.device.heap.locate(buffer.address), at, size
            at += size
