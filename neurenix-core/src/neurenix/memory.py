"""nx.memory_stats: what tensors and programs take on a device."""

from __future__ import annotations

from .devices import Device, parse_device
from .settings import backend_of, current_device


def memory_stats(device: Device | str | None = None) -> dict[str, int]:
    """The bytes that this process has on a device, by default the one of new tensors:

      allocated  what tensors hold
      peak       the most that they ever held
      arenas     what programs need beside them, idle or not
      cached     what is in no use and kept for reuse

    What other processes have there counts nowhere. It does not wait for the device. A
    device leaves out what it does not count: NumPy's, "reference", gives {}.

    Raises DeviceError for a device that is not there.

    >>> import neurenix as nx
    >>> before = nx.memory_stats()
    >>> kept = nx.ones(1000)
    >>> now = nx.memory_stats()
    >>> not now or now["allocated"] - before["allocated"] >= 4000
    True
    """
    where = current_device() if device is None else parse_device(device)
    return backend_of(where, "memory_stats").memory_stats(where.index)
