"""What tests say to the fake driver that the emulated engine runs on: see
fake/fake_control.h."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

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
    return library


@contextmanager
def fake_driver() -> Iterator[ctypes.CDLL]:
    """Its functions; afterwards nothing goes wrong any more."""
    library = _library()
    try:
        yield library
    finally:
        library.phynexus_fake_reset()
