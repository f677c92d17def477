"""Asks AMD's HIP runtime which cards there are, and says what is wrong with it if not.

The runtime's library is opened here and nowhere before: when the device type is first
asked about.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neurenix.errors import BackendError, DeviceError

from .device_files import check_device_files, sign_of_card

LIBRARIES = ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5")
OLDEST_RUNTIME = (5, 2)

_CHOICES = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_NOTHING = ("", "-1")  # what leaves no card on purpose
_NONE = 100, 101  # ROCm 5 answers hipInit with the second where there is no card
_REMEDIES = {
    3: "the kernel's driver amdgpu does not work with this ROCm: `rocminfo` says more",
    35: "the kernel's driver amdgpu is older than this ROCm: update it, and restart",
}
# Where the architecture's name lies in what describes a card: from ROCm 6, and before.
_PROPERTIES = (("hipGetDevicePropertiesR0600", 1160), ("hipGetDeviceProperties", 396))
_ROOM = 4096


@dataclass(frozen=True)
class Card:
    """A GPU by its name and architecture, such as "gfx90a"."""

    name: str
    architecture: str


def find_cards(
    open_library: Callable[[str], ctypes.CDLL] = ctypes.CDLL,
    devices: Path = Path("/dev"),
    classes: Path = Path("/sys/class/drm"),
) -> tuple[Card, ...]:
    """The cards that the runtime finds, in its order.

    Raises DeviceError where none is wanted, or there is no runtime or no card and
    nothing says otherwise; and BackendError where the runtime does not work or is too
    old, this user may not open the device files, there is a card that cannot be used,
    or what HIP_VISIBLE_DEVICES or ROCR_VISIBLE_DEVICES lists is not there.
    """
    for name in _CHOICES:
        _refuse_nothing(name)
    try:
        return _cards(open_library, devices, classes)
    except BackendError:
        raise
    except DeviceError as error:
        _refuse_nothing("CUDA_VISIBLE_DEVICES")  # which the runtime obeys too
        sign = sign_of_card(classes)
        if sign is None:
            raise
        raise BackendError(
            f"{error}. Yet there is a card of AMD, since {sign} is one; where no GPU "
            "is to be used, HIP_VISIBLE_DEVICES=-1 says so"
        ) from None


def _refuse_nothing(name: str) -> None:
    """Raises DeviceError where no card is wanted."""
    if os.environ.get(name, "all").strip() in _NOTHING:
        raise DeviceError(
            f"no AMD GPU is wanted: {name}={os.environ[name]!r}; unset it to see all"
        )


def _cards(
    open_library: Callable[[str], ctypes.CDLL], devices: Path, classes: Path
) -> tuple[Card, ...]:
    runtime = _Runtime(_opened(open_library))
    version = runtime.version()
    if version < OLDEST_RUNTIME:
        raise BackendError(
            f"the HIP runtime {runtime.name} is of ROCm {_dotted(version)}, this "
            f"package needs {_dotted(OLDEST_RUNTIME)} or newer: update ROCm"
        )
    # The device files only explain what the runtime does not find: in WSL2 it finds
    # cards without them.
    try:
        count, cause = runtime.count()
    except BackendError:
        check_device_files(devices, classes)
        raise
    if not count:
        check_device_files(devices, classes)
        raise _no_card(cause)
    return tuple(runtime.card(index) for index in range(count))


def refuse_unknown(cards: tuple[Card, ...], known: tuple[str, ...]) -> None:
    """Raises BackendError for a first card that the library has no code for."""
    first = cards[0]
    if first.architecture in known:
        return
    raise BackendError(
        f"the card {first.name} is of the architecture {first.architecture}, this "
        f"package has code for {', '.join(known)}: build it where hipcc knows "
        f"{first.architecture}, with "
        f"CMAKE_ARGS=-DPHYNEXUS_HIP_ARCHITECTURES={first.architecture}; "
        "HIP_VISIBLE_DEVICES chooses another card, where there is one"
    )


def _opened(open_library: Callable[[str], ctypes.CDLL]) -> tuple[str, ctypes.CDLL]:
    """The newest runtime that opens; where none does and one lacks what it needs
    itself, releases are mixed."""
    wrong: list[str] = []
    for name in LIBRARIES:
        try:
            return name, open_library(name)
        except OSError as error:
            # the loader names first what it did not find
            if not str(error).startswith(f"{name}: cannot open shared object file: No"):
                wrong.append(str(error))
    if wrong:
        raise BackendError(
            f"the HIP runtime cannot be opened: {wrong[0]}; parts of several ROCm "
            "releases are mixed: install one release, and take the folders of others "
            "out of LD_LIBRARY_PATH"
        )
    raise DeviceError(
        f"no AMD GPU: there is no HIP runtime ({', '.join(LIBRARIES)} were not found); "
        f"install ROCm {_dotted(OLDEST_RUNTIME)} or newer"
    )


def _no_card(cause: str) -> DeviceError | BackendError:
    for name in _CHOICES:
        chosen = os.environ.get(name)
        if chosen is not None:
            return BackendError(
                f"no AMD GPU ({cause}) with {name}={chosen!r}: what it lists is not "
                "there. `rocminfo` lists all where it is unset; it has the numbers of "
                "cards, as 0,1, or -1 for none"
            )
    return DeviceError(f"no AMD GPU ({cause}): `rocminfo` lists what the runtime sees")


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


class _Runtime:
    """The functions that are needed of the runtime, and their errors."""

    def __init__(self, opened: tuple[str, ctypes.CDLL]) -> None:
        self.name, self.library = opened

    def version(self) -> tuple[int, int]:
        """The release of ROCm that it belongs to; may be asked before it is started."""
        number = ctypes.c_int()
        self._call("hipRuntimeGetVersion", ctypes.byref(number))
        return number.value // 10_000_000, number.value // 100_000 % 100

    def count(self) -> tuple[int, str]:
        """How many cards there are, and what the runtime says where there are none."""
        for name, arguments in (("hipInit", (0,)), ("hipGetDeviceCount", ())):
            number = ctypes.c_int()
            status = self._status(name, *(arguments or (ctypes.byref(number),)))
            if status in _NONE:
                return 0, f"{name} gave {self._error(status)}"
            self._check(name, status)
        return number.value, "hipGetDeviceCount gave 0"

    def card(self, index: int) -> Card:
        name = ctypes.create_string_buffer(256)
        self._call("hipDeviceGetName", name, len(name), index)
        text = name.value.decode("utf-8", errors="replace")
        properties = ctypes.create_string_buffer(_ROOM)
        for function, place in _PROPERTIES:
            if self._has(function):
                self._call(function, properties, index)
                raw = properties.raw[place : place + 256].split(b"\0")[0]
                return Card(text, raw.decode("ascii", errors="replace").split(":")[0])
        raise self._lacks(_PROPERTIES[-1][0])

    def _has(self, name: str) -> bool:
        try:
            self.library[name]
        except AttributeError:
            return False
        return True

    def _lacks(self, name: str) -> BackendError:
        return BackendError(
            f"{self.name} has no function {name}: it is not AMD's runtime, or a very "
            "old one; install ROCm again"
        )

    def _call(self, name: str, *arguments: object) -> None:
        self._check(name, self._status(name, *arguments))

    def _status(self, name: str, *arguments: object) -> int:
        if not self._has(name):
            raise self._lacks(name)
        return int(self.library[name](*arguments))

    def _error(self, status: int) -> str:
        function = self.library["hipGetErrorName"]
        function.restype = ctypes.c_char_p
        text = function(status)
        return f"{text.decode() if text else 'an unknown error'} ({status})"

    def _check(self, name: str, status: int) -> None:
        if not status:
            return
        remedy = _REMEDIES.get(status, "`rocminfo` may say more; restart the machine")
        raise BackendError(
            f"the HIP runtime does not work: {name} gave {self._error(status)}; "
            f"{remedy}"
        )
