"""nx.init: which device is used, with how many threads, and how exact its products."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .attributes import changes
from .backends import Backend, discovery
from .backends.leaving import leave
from .backends.protocol import FLOAT32, PRECISIONS
from .devices import Device, DeviceType, parse_device
from .errors import BackendError, DeviceError, InvalidArgumentError
from .user_lines import user_level

_OPTIONS = ("device", "threads", "precision")
_current: list[Device] = []


class _Products:
    """How products are computed now, and by which backend if not in float32."""

    precision = FLOAT32
    backend: Backend | None = None


_products = _Products()
# What forgets programs that were made for another precision.
forgetting: list[Callable[[], None]] = []


def init(options: dict[str, Any] | None = None, **more: Any) -> Device:
    """Choose the device that new tensors live on, and how it is used.

    `options` may have
      device   "cpu", "cuda:0", ...; without it the best available one is taken
      threads  how many host threads an engine may use (a positive int)
      precision  of float32 products and convolutions: "float32", the default; or, on
               devices that have it, "tf32" or "bfloat16": the device may then round
               their factors to 10 or 7 bits of fraction, to the nearest, where that is
               faster. Sums and results stay float32.

    Returns the device. Calling it again changes the choice for new tensors, and the
    precision of what runs from then on; without a precision that is float32 again.

    Raises InvalidArgumentError for an option that does not exist or has a wrong value,
    or a precision that the device does not have,
    DeviceError (with what is there and what to install) for an absent device, and
    BackendError, with its cause, for a broken one. What is asked for is never replaced.

    >>> import neurenix as nx
    >>> nx.init({"device": "reference"})
    Device(type=DeviceType('reference'), index=0)
    """
    if options is not None and not isinstance(options, dict):
        raise InvalidArgumentError(
            f"nx.init takes a dict of options, not {type(options).__name__}"
        )
    chosen = {**(options or {}), **more}
    for name in chosen:
        if name not in _OPTIONS:
            raise InvalidArgumentError(
                f"nx.init: unknown option {name!r}; there are {', '.join(_OPTIONS)}"
            )
    threads = chosen.get("threads")
    if threads is not None and (
        not isinstance(threads, int) or isinstance(threads, bool) or threads < 1
    ):
        raise InvalidArgumentError(
            f"nx.init: threads={threads!r}; expected a positive int"
        )
    precision = chosen.get("precision") or FLOAT32
    if precision not in PRECISIONS:
        raise InvalidArgumentError(
            f"nx.init: precision={precision!r}; expected one of {_listed(PRECISIONS)}"
        )
    device = (
        _automatic() if chosen.get("device") is None else parse_device(chosen["device"])
    )
    backend = _backend_of(device, "nx.init")
    if precision != FLOAT32:
        _check_precision(backend, device, precision)
    backend.configure({} if threads is None else {"threads": threads})
    _set_precision(backend, precision)
    leave()
    _current[:] = [device]
    changes.note()  # generators live on the current device
    return device


def bits_depend_on(device: Device) -> dict[str, str]:
    """What decides the last bits of results on a device, as it says itself, by name:
    on two of one type for which it is equal, results have the same bits.

    >>> list(bits_depend_on(Device(DeviceType("reference"))))
    ['NumPy', 'machine']
    """
    return backend_of(device, "bits_depend_on").bits_depend_on(device.index)


def backend_of(device: Device, what: str) -> Backend:
    """The backend of a device; DeviceError, which begins with `what`, where its type is
    absent or has not so many. (The first one is taken to be there: who uses it is told
    otherwise.)"""
    return _backend_of(device, what) if device.index else discovery.backend(device.type)


def _backend_of(device: Device, what: str) -> Backend:
    backend = discovery.backend(device.type)
    count = backend.device_count()
    if device.index >= count:
        has = f"has {count} (0 to {count - 1})" if count else "has none any more"
        raise DeviceError(f"{what}: there is no device {device}; {device.type!s} {has}")
    return backend


def _listed(precisions: Iterable[str]) -> str:
    return ", ".join(repr(p) for p in PRECISIONS if p in precisions)


def _check_precision(backend: Backend, device: Device, precision: str) -> None:
    has = backend.capabilities(device.index)
    if precision not in has.precisions:
        name = f" ({has.name})" if has.name else ""
        raise InvalidArgumentError(
            f"nx.init: precision={precision!r}: {device}{name} does not have it; "
            f"it has {_listed(has.precisions)}"
        )


def _set_precision(backend: Backend, precision: str) -> None:
    before = _products.precision, _products.backend
    if precision == FLOAT32 == before[0]:
        return
    if before[1] is not None and before[1] is not backend:
        before[1].configure({"precision": FLOAT32})
    backend.configure({"precision": precision})
    _products.precision, _products.backend = precision, backend
    if precision != before[0]:
        for forget in forgetting:
            forget()


def current_precision() -> str:
    """How the factors of float32 products may be rounded: `nx.init`'s choice."""
    return _products.precision


def _automatic() -> Device:
    unopened: dict[str, str] = {}
    while True:
        name, skipped = discovery.best(unopened)
        try:
            backend = discovery.backend(name)
        except BackendError:  # it is known to be broken from now on: the next best one
            continue
        try:
            backend.capabilities(0)  # opens the device, which the first tensor would do
            break
        except InvalidArgumentError:  # what the user has set, for this device
            raise
        except Exception as error:
            if name == "reference":
                raise
            unopened[name] = f"its first device does not open: {error}"
    if name == "reference":
        why = "; ".join(skipped) or discovery.nothing()
        _say_once(
            f"no compiled backend ({why}): using NumPy, which is slow. "
            "Install neurenix-backend-cpu."
        )
    elif skipped:
        _say_once(
            f"using {name}; passed over {'; '.join(skipped)} (`neurenix doctor` says "
            f'more; nx.init({{"device": "{name}"}}) says nothing)'
        )
    return Device(DeviceType(name))


_said: set[str] = set()


def _say_once(text: str) -> None:
    """A warning about the automatic choice: once a process, wherever it is made."""
    if text not in _said:
        _said.add(text)
        warnings.warn(text, RuntimeWarning, stacklevel=user_level())


class _Here(threading.local):
    device: Device | None = None


_here = _Here()


@contextmanager
def new_tensors_on(device: Device | None) -> Iterator[None]:
    """Within it, and in this thread, new tensors live on this device, whatever
    `nx.init` chose; None changes nothing."""
    before = _here.device
    _here.device = device or before
    try:
        yield
    finally:
        _here.device = before


def current_device() -> Device:
    """The device that new tensors live on."""
    if _here.device is not None:
        return _here.device
    if not _current:
        init()
    return _current[0]


def get_device_count(device_type: str) -> int:
    """How many devices of a type there are: 0 if it is absent, and 0 with a warning
    that gives the cause if its backend is broken.

    >>> import neurenix as nx
    >>> nx.get_device_count(nx.DeviceType("no_such_device"))
    0
    """
    if not isinstance(device_type, str) or ":" in device_type:
        raise InvalidArgumentError(
            f"get_device_count: {device_type!r} is no device type; see nx.DeviceType"
        )
    return discovery.device_count(device_type)
