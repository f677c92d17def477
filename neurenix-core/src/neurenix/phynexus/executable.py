"""The executable of a native engine: its program crosses once, as a plan."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from ..backends.protocol import Executable, StepsCall
from ..program import Program
from . import _bindings
from .library import Buffer, Engine
from .plan.encode import Encoded, encode
from .plan.lowering import make_plan
from .plan.scratch import least_scratch, most_scratch
from .several_steps import NativeSteps

ffi: Any = _bindings.ffi  # whose C names no type checker knows


def plan_struct(encoded: Encoded) -> Any:
    """The phx_plan over a plan's arrays, which must outlive it."""

    def pointer(array: Any, ctype: str) -> Any:
        return ffi.cast(ctype, array.ctypes.data)

    plan = ffi.new("phx_plan *")
    plan.struct_size = ffi.sizeof("phx_plan")
    plan.values = pointer(encoded.values, "phx_value *")
    plan.instructions = pointer(encoded.instructions, "phx_instruction *")
    plan.operands = pointer(encoded.operands, "int32_t *")
    plan.params = pointer(encoded.params, "int64_t *")
    plan.regions = pointer(encoded.regions, "phx_region *")
    plan.constants = pointer(encoded.constants, "void *")
    plan.value_count = len(encoded.values)
    plan.instruction_count = len(encoded.instructions)
    plan.operand_count = len(encoded.operands)
    plan.param_count = len(encoded.params)
    plan.region_count = len(encoded.regions)
    plan.constant_bytes = encoded.constants.nbytes
    plan.input_bytes = pointer(encoded.input_bytes, "int64_t *")
    plan.output_bytes = pointer(encoded.output_bytes, "int64_t *")
    return plan


def compile_plan(engine: Engine, encoded: Encoded) -> Any:
    """The engine's executable of a plan, let go with the last reference.

    Raises InvalidArgumentError, with the engine's message, for a plan that is wrong.
    """
    out = ffi.new("phx_executable **")
    engine.check(engine.api.compile(engine.handle, plan_struct(encoded), out))
    return ffi.gc(out[0], engine.api.release_executable)


class NativeExecutable(Executable):
    def __init__(self, engine: Engine, program: Program, state: int) -> None:
        self.engine = engine
        self.program = program
        self.state = state
        self.bound = 0  # how many leading inputs are bound state
        start = perf_counter()
        plan = make_plan(program, state, engine.limits)
        self.plan_seconds = perf_counter() - start
        self.in_count = len(program.inputs)
        self.out_bytes = [t.nbytes for t in program.output_types]
        self.most_scratch = most_scratch(plan)
        self.result_bytes = self.out_bytes[state:]
        self._require(least_scratch(plan))
        encoded = encode(plan)
        self.handle = compile_plan(engine, encoded)
        if engine.has("memory_bytes"):
            self._require(self.memory_bytes())
        self.inputs, self.outputs = self._slots()
        self.idle = [self._slots()]
        self.run = engine.api.run
        self.instruction_count = len(encoded.instructions)
        engine.executables.add(self)
        if engine.profiled is not None:
            engine.profiled.add(self)

    def _require(self, scratch: int) -> None:
        """Raises OutOfMemoryError where there is no room for a run."""
        need = scratch + sum(self.result_bytes)
        self.engine.require("running the program", need)

    def memory_bytes(self) -> int:
        """The bytes that the engine says a run takes; for an engine before ABI 1.5 the
        most scratch that the plan may take, on any number of threads."""
        if not self.engine.has("memory_bytes"):
            return self.most_scratch
        nbytes = ffi.new("int64_t *")
        self.engine.check(self.engine.api.memory_bytes(self.handle, 0, nbytes))
        return int(nbytes[0])

    def _slots(self) -> tuple[Any, Any]:
        """Arrays for the addresses of the inputs and of the outputs."""
        counts = self.in_count, len(self.out_bytes)
        inputs, outputs = (ffi.new("void *[]", max(n, 1)) for n in counts)
        return inputs, outputs

    def __call__(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        # slots of its own: an executable may be entered by several threads
        try:
            slots = self.idle.pop()
        except IndexError:
            slots = self._slots()
        pointers, targets = slots
        for i, buffer in enumerate(inputs):
            pointers[i] = buffer.pointer
        outputs = []
        for i, nbytes in enumerate(self.out_bytes):
            buffer = Buffer(self.engine, nbytes)
            targets[i] = buffer.pointer
            outputs.append(buffer)
        status = self.run(self.handle, pointers, targets)
        if status:
            self.engine.check(status)
        self.idle.append(slots)
        return outputs

    def bind_state(self, buffers: Sequence[Buffer]) -> None:
        self.bound = len(buffers)
        for i, buffer in enumerate(buffers):
            self.inputs[i] = buffer.pointer
        for i in range(self.state):
            self.outputs[i] = buffers[i].pointer

    def step(self, inputs: Sequence[Buffer]) -> list[Buffer]:
        pointers, targets = self.inputs, self.outputs
        for i, buffer in enumerate(inputs, self.bound):
            pointers[i] = buffer.pointer
        results = []
        for i, nbytes in enumerate(self.result_bytes, self.state):
            result = Buffer(self.engine, nbytes)
            targets[i] = result.pointer
            results.append(result)
        status = self.run(self.handle, pointers, targets)
        if status:
            self.engine.check(status)
        return results

    def begin_steps(self, call: StepsCall) -> NativeSteps | None:
        if not self.engine.has("run_steps"):
            return None
        first, written = (self.bound, self.state) if call.stateful else (0, 0)
        return NativeSteps(self, call, first, written)
