"""The plan of a compiled function as the engine gets it, and the code that the CUDA
engine makes of it at run time. Nothing runs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from emulated_engine import CUDA

import neurenix as nx
from neurenix.backends import discovery
from neurenix.phynexus import NativeBackend, _bindings
from neurenix.phynexus.executable import NativeExecutable, plan_struct
from neurenix.phynexus.plan.encode import Encoded, encode
from neurenix.phynexus.plan.lowering import make_plan
from neurenix.program import Program
from neurenix.transforms.compiled import Compiled


@dataclass(frozen=True)
class CapturedPlan:
    """A plan as arrays, and as the struct of C that points into them."""

    encoded: Encoded
    state: int  # the first outputs that take the place of as many inputs
    struct: object

    @property
    def address(self) -> int:
        return int(_bindings.ffi.cast("uintptr_t", self.struct))


def captured_plan(compiled: Compiled, batch: Sequence[nx.Tensor]) -> CapturedPlan:
    """The plan of a compiled function on these inputs on the emulated device, which
    must be the current one."""
    backend = discovery.backend(CUDA.device)
    assert isinstance(backend, NativeBackend)
    made: list[tuple[Program, int]] = []

    def compile(program: Program, index: int, state: int = 0) -> NativeExecutable:
        made.append((program, state))
        return NativeExecutable(backend.engine(index), program, state)

    vars(backend)["compile"] = compile
    try:
        compiled.memory_bytes(*batch)
    finally:
        del vars(backend)["compile"]
    program, state = made[-1]
    encoded = encode(make_plan(program, state, backend.engine(0).limits))
    return CapturedPlan(encoded, state, plan_struct(encoded))


def made_source(plan: CapturedPlan) -> str:
    """The source text that is written for its launches on a card."""
    function = ctypes.CDLL(str(CUDA.library())).phynexus_made_source
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    text = function(plan.address, plan.state).decode()
    assert not text.startswith("error"), text
    return str(text)


def compile_source(text: str, architecture: str) -> bytes:
    """The machine code that NVRTC makes of it, called as the engine calls it."""
    function = ctypes.CDLL(str(CUDA.library())).phynexus_compile
    function.restype = ctypes.c_int64
    function.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_int64,
    ]
    image = ctypes.create_string_buffer(64 << 20)
    count = function(text.encode(), architecture.encode(), image, len(image))
    assert count >= 0, image.value.decode()
    return image.raw[:count]
