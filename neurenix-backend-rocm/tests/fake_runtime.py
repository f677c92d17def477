"""What tests say to the fake HIP runtime that the emulated engine runs on: the words of
the fake CUDA driver beneath it, fake_control.h, with HIP's names of functions."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rocm_emulated import folder

ILLEGAL_ADDRESS, UNKNOWN = 700, 999


def _library() -> ctypes.CDLL:
    # the one that the engine has opened: the same file is opened once
    library = ctypes.CDLL(str(folder() / "libphynexus_fake_hip.so"))
    fail, fault = library.phynexus_fake_fail, library.phynexus_fake_fault
    library.phynexus_fake_set.argtypes = [ctypes.c_char_p, ctypes.c_int64]
    fault.argtypes = [ctypes.c_int64, ctypes.c_int]
    fail.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_int]
    library.phynexus_fake_calls.argtypes = [ctypes.c_char_p]
    library.phynexus_fake_calls.restype = ctypes.c_int64
    library.phynexus_fake_hip_function.restype = ctypes.c_char_p
    library.phynexus_fake_hip_error.argtypes = [
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_int),
    ]
    return library


def functions() -> list[str]:
    """All functions of the runtime that the engine calls."""
    names, library = [], _library()
    while (name := library.phynexus_fake_hip_function(len(names))) is not None:
        names.append(name.decode())
    return names


class Error(NamedTuple):
    """An error of the runtime, as hip_errors.h has it."""

    number: int
    name: str
    remedy: str  # empty: nothing that is known
    lost: bool


def errors() -> list[Error]:
    """All errors that the engine knows."""
    found, library = [], _library()
    name, remedy, lost = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_int()
    while number := library.phynexus_fake_hip_error(len(found), name, remedy, lost):
        assert name.value is not None and remedy.value is not None
        told = name.value.decode(), remedy.value.decode()
        found.append(Error(number, *told, bool(lost.value)))
    return found


@contextmanager
def fake_runtime() -> Iterator[ctypes.CDLL]:
    """Its functions; afterwards nothing goes wrong any more."""
    library = _library()
    try:
        yield library
    finally:
        library.phynexus_fake_reset()
