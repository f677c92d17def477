"""A program made ready: its dispatch list, pipelines and rows of arguments."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from time import perf_counter

import numpy as np
import wgpu

from neurenix.backends import Executable
from neurenix.primitives import TensorType
from neurenix.program import Program

from .device import ROW_BYTES, Device
from .errors import translated
from .lowering import lower
from .lowering.dispatch_list import CONSTANTS, FIRST_INPUT, Rows, Words
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


class WebGPUExecutable(Executable):
    def __init__(self, device: Device, program: Program, state: int) -> None:
        start = perf_counter()
        self.device = device
        self.types = program.output_types
        self.state = state
        self.list = lower(program, state, device.heap.page_bytes // 4)
        self.plan_seconds = perf_counter() - start
        self.bound: list[weakref.ref[Buffer]] = []
        self.rows = Rows(self.list.dispatches)
        self.bases: Words = np.zeros(self.list.spaces, np.uint32)
        self.args = device.gpu.create_buffer(
            size=ROW_BYTES * max(len(self.list.dispatches), 1),
            usage=wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST,
        )
        if len(self.list.constants):
            words = len(self.list.constants)
            address = device.heap.take(words)
            device.write(address, self.list.constants)
            self.bases[CONSTANTS] = address
            weakref.finalize(self, device.heap.give, address, words)
        self.version = -1

    def __call__(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        outputs = [Buffer(self.device, t) for t in self.types]
        self._run(inputs, outputs)
        return outputs

    def bind_state(self, buffers: Sequence[Buffer]) -> None:
        self.bound = [weakref.ref(b) for b in buffers]

    def step(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        state = [b for ref in self.bound if (b := ref()) is not None]
        outputs = [Buffer(self.device, t) for t in self.types[self.state :]]
        self._run([*state, *inputs], [*state[: self.state], *outputs])
        return outputs

    def memory_bytes(self) -> int:
        return 4 * sum(self.list.scratch)

    def _run(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer]) -> None:
        if not self.list.dispatches:
            return
        device, heap = self.device, self.device.heap
        with device.lock:
            scratch = [heap.take(words) for words in self.list.scratch]
            addresses = [b.address for b in (*inputs, *outputs)]
            self.bases[FIRST_INPUT:] = [*addresses, *scratch]
            device.queue.write_buffer(self.args, 0, self.rows.filled(self.bases))
            self._submit()
            for address, words in zip(scratch, self.list.scratch, strict=True):
                heap.give(address, words)

    def _submit(self) -> None:
        device = self.device
        if self.version != device.heap.version:
            self.pipelines = [device.pipeline(text) for text in self.list.modules]
            self.group = device.bind(self.args)
            self.version = device.heap.version
        with translated(f"{device.name}: running a program"):
            encoder = device.gpu.create_command_encoder()
            compute = encoder.begin_compute_pass()
            for k, dispatch in enumerate(self.list.dispatches):
                compute.set_pipeline(self.pipelines[dispatch.module])
                compute.set_bind_group(0, self.group, [ROW_BYTES * k])
                compute.dispatch_workgroups(*dispatch.groups)
            compute.end()
            device.queue.submit([encoder.finish()])
