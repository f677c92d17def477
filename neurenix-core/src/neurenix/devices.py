"""Device types and devices. Types are open: a backend may bring any name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, SupportsIndex

from .arguments import whole
from .errors import InvalidArgumentError


class DeviceType(str):
    """The name of a kind of device. The constants are names that are well known;
    nothing in core branches on one."""

    __slots__ = ()

    CPU: DeviceType
    CUDA: DeviceType
    ROCM: DeviceType
    WEBGPU: DeviceType

    def __repr__(self) -> str:
        return f"DeviceType({str(self)!r})"


DeviceType.CPU = DeviceType("cpu")
DeviceType.CUDA = DeviceType("cuda")
DeviceType.ROCM = DeviceType("rocm")
DeviceType.WEBGPU = DeviceType("webgpu")


def well_known() -> list[str]:
    """The names of those constants.

    >>> "cpu" in well_known()
    True
    """
    return [str(t) for t in vars(DeviceType).values() if isinstance(t, DeviceType)]


def is_well_known(name: str) -> bool:
    """Whether it is one of the constants of `DeviceType`."""
    return isinstance(vars(DeviceType).get(name.upper()), DeviceType)


@dataclass(frozen=True, eq=False, init=False)
class Device:
    """One device: `Device("cuda", 1)` or `Device("cuda:1")`, written "cuda:1".

    There is one object for each, so that equal devices are also the same one: every
    operation compares its inputs' devices.

    Raises InvalidArgumentError for what names no device, or two numbers of one.
    """

    type: DeviceType
    index: int

    def __new__(cls, type: str, index: SupportsIndex | None = None) -> Device:
        match = _FORM.fullmatch(type) if isinstance(type, str) else None
        if match is None:
            raise InvalidArgumentError(
                f'device {type!r}: expected a name such as "cpu" or "cuda:0"'
            )
        number = _number(match[2], index, type)
        made = _DEVICES.get((match[1], number))
        if made is None:
            made = object.__new__(cls)
            object.__setattr__(made, "type", DeviceType(match[1]))
            object.__setattr__(made, "index", number)
            made = _DEVICES.setdefault((match[1], number), made)
        return made

    def __reduce__(self) -> Any:
        return Device, (self.type, self.index)

    def __str__(self) -> str:
        return f"{self.type}:{self.index}"


def _number(written: str | None, index: object, type: str) -> int:
    """The number of "cuda:1", or the one that is given beside "cuda"."""
    if index is None:
        return int(written or 0)
    number = whole("Device", "index", index, 0)
    if written is not None and int(written) != number:
        raise InvalidArgumentError(f"Device({type!r}, {number}): two numbers of one")
    return number


_DEVICES: dict[tuple[str, int], Device] = {}
_FORM = re.compile(r"([a-z][a-z0-9_-]*)(?::(\d+))?")


def parse_device(device: Any) -> Device:
    """A Device from "cuda", "cuda:1", a DeviceType or a Device.

    >>> str(parse_device("cuda"))
    'cuda:0'
    """
    return device if isinstance(device, Device) else Device(device)
