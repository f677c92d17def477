"""A program made ready: its dispatch list, on the device as it is now."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from time import perf_counter

from neurenix.backends import Executable
from neurenix.backends.protocol import StepsCall
from neurenix.errors import BackendError
from neurenix.program import Program

from .buffer import Buffer, new_buffer
from .device import Device
from .loaded import Loaded
from .lowering import lower
from .steps import WebGPUSteps, steps_stack


class WebGPUExecutable(Executable):
    """`open` gives the device, which is another one after a loss."""

    def __init__(
        self, open: Callable[[], Device], program: Program, state: int
    ) -> None:
        start = perf_counter()
        self.open = open
        self.program = program
        self.types = program.output_types
        self.state = state
        device = open()
        self.page_words = device.heap.page_words
        self.list = lower(program, state, self.page_words)
        self.plan_seconds = perf_counter() - start
        self.bound: list[weakref.ref[Buffer]] = []
        self.step_seconds: float | None = None  # of one of several steps
        self._loaded = Loaded(device, self.list)

    def __call__(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        loaded = self.loaded()
        outputs = [new_buffer(loaded.device, t) for t in self.types]
        loaded.submit([self.addresses(loaded, [*inputs, *outputs])])
        return outputs

    def bind_state(self, buffers: Sequence[Buffer]) -> None:
        self.bound = [weakref.ref(b) for b in buffers]

    def step(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        loaded = self.loaded()
        state = self.state_buffers()
        outputs = [new_buffer(loaded.device, t) for t in self.types[self.state :]]
        buffers = [*state, *inputs, *state[: self.state], *outputs]
        loaded.submit([self.addresses(loaded, buffers)])
        return outputs

    def begin_steps(self, call: StepsCall) -> WebGPUSteps | None:
        return WebGPUSteps(self, call) if steps_stack(call) else None

    def memory_bytes(self) -> int:
        return 4 * sum(self.list.scratch)

    def loaded(self) -> Loaded:
        """The list on the device, put there anew if that was lost."""
        device = self.open()
        if self._loaded.device is not device:
            if self.page_words != device.heap.page_words:
                self.page_words = device.heap.page_words
                self.list = lower(self.program, self.state, self.page_words)
            self._loaded = Loaded(device, self.list)
        return self._loaded

    def state_buffers(self) -> list[Buffer]:
        state = [ref() for ref in self.bound]
        found = [b for b in state if b is not None]
        if len(found) != len(state):
            raise BackendError("the bound state is gone: bind it again")
        return found

    def addresses(self, loaded: Loaded, buffers: Sequence[Buffer]) -> list[int]:
        for buffer in buffers:
            loaded.device.check(buffer.device)
        return [buffer.address for buffer in buffers]
