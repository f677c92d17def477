"""What tests say to the fake driver, or runtime, that an emulated engine runs on: see
fake/fake_control.h in neurenix-backend-cuda."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from emulated_engine import CUDA, ROCM, EmulatedEngine

ILLEGAL_ADDRESS, UNKNOWN = 700, 999


class Error(NamedTuple):
    """An error as the engine's table has it: cuda_errors.h, hip_errors.h."""

    number: int
    name: str
    remedy: str  # empty: nothing that is known
    lost: bool


@dataclass(frozen=True)
class FakeLibrary:
    engine: EmulatedEngine
    vendor: str  # in its names

    def _open(self) -> ctypes.CDLL:
        # the one that the engine has opened: the same file is opened once
        file = self.engine.folder() / f"libphynexus_fake_{self.vendor}.so"
        library = ctypes.CDLL(str(file))
        number, text = ctypes.c_int64, ctypes.c_char_p
        library.phynexus_fake_set.argtypes = [text, number]
        library.phynexus_fake_fault.argtypes = [number, ctypes.c_int]
        library.phynexus_fake_fail.argtypes = [text, number, ctypes.c_int]
        library.phynexus_fake_calls.argtypes = [text]
        library.phynexus_fake_calls.restype = number
        return library

    @contextmanager
    def __call__(self) -> Iterator[ctypes.CDLL]:
        """Its functions; afterwards nothing goes wrong any more."""
        library = self._open()
        try:
            yield library
        finally:
            library.phynexus_fake_reset()

    def errors(self) -> list[Error]:
        """All errors that the engine knows."""
        function = self._open()[f"phynexus_fake_{self.vendor}_error"]
        text = ctypes.POINTER(ctypes.c_char_p)
        function.argtypes = [ctypes.c_int, text, text, ctypes.POINTER(ctypes.c_int)]
        name, remedy, lost = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_int()
        found: list[Error] = []
        while number := function(len(found), name, remedy, lost):
            assert name.value is not None and remedy.value is not None
            told = name.value.decode(), remedy.value.decode()
            found.append(Error(number, *told, bool(lost.value)))
        return found

    def functions(self) -> list[str]:
        """All functions that the engine calls, where the library counts them."""
        function = self._open()[f"phynexus_fake_{self.vendor}_function"]
        function.restype = ctypes.c_char_p
        names: list[str] = []
        while (name := function(len(names))) is not None:
            names.append(name.decode())
        return names


fake_driver = FakeLibrary(CUDA, "cuda")
fake_runtime = FakeLibrary(ROCM, "hip")  # the fake driver with HIP's names of functions
