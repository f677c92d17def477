"""Asks NVIDIA's driver which cards there are, and says what is wrong with it if not.

The driver's library is opened here and nowhere before: when the device type is first
asked about.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurenix.errors import BackendError, DeviceError

from .device_files import sign_of_card

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
OLDEST_DRIVER = (13, 0)  # as CUDA versions: nvcc 13 writes code for no older one

_CHOICE = "CUDA_VISIBLE_DEVICES"
# What leaves no card on purpose; the last is how Slurm says that a job was given none.
_NOTHING = ("", "-1", "NoDevFiles")
_NO_DEVICE = 100
_MAJOR, _MINOR = 75, 76  # attributes: the compute capability
_REMEDIES = {
    3: "a process that was forked after its parent had used the GPU cannot use it: "
    "start it with multiprocessing's method 'spawn'",
    34: "this is the stub that the CUDA toolkit brings for linking: take its folder "
    "out of LD_LIBRARY_PATH, and install the driver",
    802: "the driver is still starting, or its fabric manager does not run: wait, or "
    "start nvidia-fabricmanager",
    803: "the kernel's module and the driver's library are of different releases: "
    "restart the machine, or in a container take the host's library",
    804: "the compatibility libraries of CUDA do not work with this card: take them "
    "out of LD_LIBRARY_PATH, and update the driver",
}


@dataclass(frozen=True)
class Card:
    """A GPU by its name and compute capability."""

    name: str
    capability: tuple[int, int]


@dataclass(frozen=True)
class Found:
    """A driver by the CUDA version that it is made for, and its cards in its order."""

    version: tuple[int, int]
    cards: tuple[Card, ...]


def find_cards(
    open_library: Callable[[str], ctypes.CDLL] = ctypes.CDLL,
    root: Path = Path("/"),
) -> Found:
    """The driver, and the cards that it finds: at least one.

    Raises DeviceError where none is wanted, or there is no driver or no card and
    nothing says otherwise; and BackendError where the driver does not work or is too
    old, there is a card that cannot be used, or what CUDA_VISIBLE_DEVICES lists is not
    there.
    """
    if os.environ.get(_CHOICE, "all").strip() in _NOTHING:
        raise DeviceError(
            f"no NVIDIA GPU is wanted: {_CHOICE}={os.environ[_CHOICE]!r}; unset it to "
            "see all"
        )
    try:
        return _found(open_library)
    except BackendError:
        raise
    except DeviceError as error:
        sign = sign_of_card(root)
        if sign is None:
            raise
        raise BackendError(
            f"{error}. Yet there is a card, since {sign} is there: a container needs "
            "`--gpus all` and NVIDIA_DRIVER_CAPABILITIES=compute,utility; where no GPU "
            f"is to be used, {_CHOICE}=-1 says so"
        ) from None


def _found(open_library: Callable[[str], ctypes.CDLL]) -> Found:
    driver = _Driver(_opened(open_library))
    version = driver.version()
    if version < OLDEST_DRIVER:
        raise BackendError(
            f"the NVIDIA driver is made for CUDA {dotted(version)}, this package for "
            f"CUDA {dotted(OLDEST_DRIVER)}: update the driver to 580 or newer"
        )
    cards = tuple(driver.card(index) for index in range(driver.count()))
    if not cards:
        raise _no_card()
    return Found(version, cards)


def _opened(open_library: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    try:
        return open_library(LIBRARY)
    except FileNotFoundError:
        raise DeviceError(_no_driver()) from None
    except OSError as error:
        # the loader names first what it did not find: the driver, or what that needs
        if str(error).startswith(f"{LIBRARY}: cannot open shared object file: No such"):
            raise DeviceError(_no_driver()) from None
        raise BackendError(
            f"the NVIDIA driver cannot be opened: {error}; install it again"
        ) from None


def _no_driver() -> str:
    return (
        f"no NVIDIA driver ({LIBRARY} was not found): install one for CUDA "
        f"{dotted(OLDEST_DRIVER)} (580 or newer); nothing else of CUDA is needed"
    )


def _no_card() -> DeviceError | BackendError:
    chosen = os.environ.get(_CHOICE)
    if chosen is None:
        return DeviceError(
            "the NVIDIA driver finds no GPU: `nvidia-smi` lists what it sees"
        )
    return BackendError(
        f"the NVIDIA driver finds no GPU with {_CHOICE}={chosen!r}: what it lists is "
        "not there. `nvidia-smi -L` has the numbers and ids of all; unset it to see "
        "all, or -1 for none"
    )


def dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


class _Driver:
    """The functions that are needed of the driver, and their errors."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library

    def version(self) -> tuple[int, int]:
        """The CUDA version that it is made for; may be asked before it is started."""
        number = ctypes.c_int()
        self._call("cuDriverGetVersion", ctypes.byref(number))
        return number.value // 1000, number.value % 1000 // 10

    def count(self) -> int:
        started = self._status("cuInit", 0)
        if started == _NO_DEVICE:
            return 0
        self._check("cuInit", started)
        number = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(number))
        return number.value

    def card(self, index: int) -> Card:
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), index)
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, len(name), device)
        parts = []
        for attribute in (_MAJOR, _MINOR):
            value = ctypes.c_int()
            self._call("cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
            parts.append(value.value)
        text = name.value.decode("utf-8", errors="replace")
        return Card(text, (parts[0], parts[1]))

    def _call(self, name: str, *arguments: object) -> None:
        self._check(name, self._status(name, *arguments))

    def _status(self, name: str, *arguments: object) -> int:
        try:
            function = self.library[name]
        except AttributeError:
            raise BackendError(
                f"{LIBRARY} has no function {name}: it is not NVIDIA's driver, or a "
                "very old one; install the driver again"
            ) from None
        return int(function(*arguments))

    def _check(self, name: str, status: int) -> None:
        if not status:
            return
        text = ctypes.c_char_p()
        known = self._status("cuGetErrorName", status, ctypes.byref(text)) == 0
        error = text.value.decode() if known and text.value else "an unknown error"
        remedy = _REMEDIES.get(status, "`nvidia-smi` may say more; restart the machine")
        raise BackendError(
            f"the NVIDIA driver does not work: {name} gave {error} ({status}); {remedy}"
        )
