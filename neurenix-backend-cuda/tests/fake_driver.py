"""What tests say to the fake driver that the emulated engine runs on: see
fake/fake_control.h."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cuda_emulated import folder

ILLEGAL_ADDRESS = 700


def _library() -> ctypes.CDLL:
    # the one that the engine has opened: the same file is opened once
    library = ctypes.CDLL(str(folder() / "libphynexus_fake_cuda.so"))
    library.phynexus_fake_set.argtypes = [ctypes.c_char_p, ctypes.c_int64]
    library.phynexus_fake_fault.argtypes = [ctypes.c_int64, ctypes.c_int]
    library.phynexus_fake_fail.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int64,
        ctypes.c_int,
    ]
    library.phynexus_fake_calls.argtypes = [ctypes.c_char_p]
    library.phynexus_fake_calls.restype = ctypes.c_int64
    library.phynexus_fake_cuda_error.argtypes = [
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.POINTER(ctypes.c_int),
    ]
    return library


class Error(NamedTuple):
    """An error of the driver, as cuda_errors.h has it."""

    number: int
    name: str
    remedy: str  # empty: nothing that is known
    lost: bool


def errors() -> list[Error]:
    """All errors that the engine knows."""
    found, library = [], _library()
    name, remedy, lost = ctypes.c_char_p(), ctypes.c_char_p(), ctypes.c_int()
    while number := library.phynexus_fake_cuda_error(len(found), name, remedy, lost):
        assert name.value is not None and remedy.value is not None
        told = name.value.decode(), remedy.value.decode()
        found.append(Error(number, *told, bool(lost.value)))
    return found


@contextmanager
def fake_driver() -> Iterator[ctypes.CDLL]:
    """Its functions; afterwards nothing goes wrong any more."""
    library = _library()
    try:
        yield library
    finally:
        library.phynexus_fake_reset()
