"""Device types and devices. Types are open: a backend may bring any name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

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


def is_well_known(name: str) -> bool:
    """Whether it is one of the constants of `DeviceType`."""
    return isinstance(vars(DeviceType).get(name.upper()), DeviceType)


@dataclass(frozen=True, eq=False)
class Device:
    """One device: `Device("cuda", 1)`, written "cuda:1".

    There is one object for each, so that equal devices are also the same one: every
    operation compares its inputs' devices.
    """

    type: DeviceType
    index: int = 0

    def __new__(cls, type: str, index: int = 0) -> Device:
        return _DEVICES.setdefault((str(type), int(index)), object.__new__(cls))

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", DeviceType(self.type))
        object.__setattr__(self, "index", int(self.index))

    def __reduce__(self) -> Any:
        return Device, (self.type, self.index)

    def __str__(self) -> str:
        return f"{self.type}:{self.index}"


_DEVICES: dict[tuple[str, int], Device] = {}
_FORM = re.compile(r"([a-z][a-z0-9_-]*)(?::(\d+))?")


def parse_device(device: Any) -> Device:
    """A Device from "cuda", "cuda:1", a DeviceType or a Device.

    >>> str(parse_device("cuda"))
    'cuda:0'
    """
    if isinstance(device, Device):
        return device
    match = _FORM.fullmatch(device) if isinstance(device, str) else None
    if match is None:
        raise InvalidArgumentError(
            f'device {device!r}: expected a name such as "cpu" or "cuda:0"'
        )
    return Device(DeviceType(match[1]), int(match[2] or 0))
