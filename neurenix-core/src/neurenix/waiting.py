"""nx.synchronize: waits for the work of a device."""

from __future__ import annotations

from .devices import Device, parse_device
from .settings import backend_of, current_device


def synchronize(device: Device | str | None = None) -> None:
    """Waits until a device has done all the work that this process gave it, by default
    the device of new tensors.

    On devices that work by themselves, such as GPUs, a call returns once its work is in
    the device's queue. Reading a value waits for what it depends on; this waits for
    everything, before a clock is read, say. Where calls return with their work done,
    as those of "cpu" and "reference" do, there is nothing to wait for.

    Raises the error of work that failed, BackendError for one of the device itself; and
    DeviceError for a device that is not there.

    >>> import time
    >>> import neurenix as nx
    >>> x = nx.ones(100, 100)
    >>> nx.synchronize()  # what went before is not measured
    >>> start = time.perf_counter()
    >>> y = x @ x
    >>> nx.synchronize()
    >>> seconds = time.perf_counter() - start
    """
    where = current_device() if device is None else parse_device(device)
    backend_of(where, "synchronize").synchronize(where.index)
