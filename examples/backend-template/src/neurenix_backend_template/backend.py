"""The device: its memory, and programs made ready to run on it.

A buffer is a NumPy array here, which Python frees with its last reference. On a device
with memory of its own it is an object that frees that memory in `__del__`.
"""

import weakref

import numpy as np

from neurenix import backends, dtypes

from .kernels import KERNELS


class TemplateBackend(backends.Backend):
    def device_count(self):
        return 1

    def capabilities(self, index):
        """What the device declares: it is given nothing else."""
        return backends.Capabilities(
            dtypes=frozenset(
                {
                    *(dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64),
                    *(dtypes.uint8, dtypes.uint32, dtypes.bool_),
                }
            ),
            primitives=frozenset(KERNELS),
            name="NumPy, as a template",
            host_visible=True,
        )

    def configure(self, options):
        """nx.init's options for devices: {"threads": 4}. There is nothing to set."""

    def compile(self, program, index, state=0):
        return TemplateExecutable(program, state)

    def upload(self, array, type, index):
        return np.array(array, type.dtype.numpy, order="C").reshape(type.shape)

    def adopt(self, array, type, index):
        """The host's own memory as a buffer, which is never written; or None."""
        view = array.view()
        view.setflags(write=False)
        return view

    def owns(self, buffer):
        """Whether the buffer may be written."""
        return bool(buffer.flags.writeable)

    def download(self, buffer, type):
        view = buffer.view()
        view.setflags(write=False)
        return view

    def synchronize(self, index):
        """Work is done when a call returns."""

    def memory_stats(self, index):
        return {}


class TemplateExecutable(backends.Executable):
    """A program, run one instruction after the other.

    The first `state` outputs are new values of the first `state` inputs: `bind_state`
    names the buffers that hold them, and `step` writes them in place.
    """

    def __init__(self, program, state):
        self.program = program
        self.state = state
        self.bound = []

    def __call__(self, inputs):
        return [own(result) for result in self.run(inputs)]

    def bind_state(self, buffers):
        # Weakly: core counts who holds a buffer, to know whether it may be written.
        self.bound = [weakref.ref(buffer) for buffer in buffers]

    def step(self, inputs):
        state = [reference() for reference in self.bound]
        # Copied before anything is written: results may share memory with the state.
        results = [np.array(result) for result in self.run([*state, *inputs])]
        for buffer, value in zip(state, results[: self.state]):
            buffer[...] = value
        return results[self.state :]

    def run(self, inputs):
        values = dict(zip(self.program.inputs, inputs))
        for instruction in self.program.instructions:
            compute = KERNELS[instruction.primitive.name]
            arrays = [values[symbol] for symbol in instruction.inputs]
            results = compute(*arrays, **instruction.params)
            values.update(zip(instruction.outputs, results))
        return [values[symbol] for symbol in self.program.outputs]


def own(array):
    """The array, or a copy of what others see too."""
    whole = array.base is None and array.flags.c_contiguous and array.flags.writeable
    return array if whole else np.array(array, order="C")
