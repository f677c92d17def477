"""Discovers device types: each is available, absent or broken, with the reason.

Entry-point *names* are read once, on the first look-up; a plugin's module is imported
only when its own device type is asked about.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..devices import well_known
from ..dtypes import Dtype
from ..errors import BackendError, DeviceError
from ..installing import how_to_install
from ..keywords import alike
from . import reference
from .by_methods import as_backend
from .protocol import API_VERSION, Backend, BackendInfo
from .time_limit import within

GROUP = "neurenix.backends"
_ALLOW_LIST = "NEURENIX_BACKENDS"
_NONE = "none is installed"
_NO_TYPES: Mapping[str, str] = {}


@dataclass(frozen=True)
class Available:
    info: BackendInfo
    count: int


@dataclass(frozen=True)
class Absent:
    reason: str


@dataclass(frozen=True)
class Broken:
    """Installed but failing: the cause, and the release of the distribution."""

    exception: BaseException
    distribution: str
    version: str

    @property
    def reason(self) -> str:
        cause = f"{type(self.exception).__name__}: {self.exception}"
        return f"{self.distribution} {self.version} is installed but broken: {cause}"

    @property
    def remedy(self) -> str:
        # our own errors say what to do
        own = isinstance(self.exception, BackendError)
        reinstall = "" if own else f"reinstall {self.distribution}, or "
        return f"{reinstall}choose another device (`neurenix doctor` lists them)"


State = Available | Absent | Broken


class Discovery:
    """Looks plugins up, once each."""

    # seconds that a plugin may take to be imported and to count its devices, which may
    # take a library's declarations apart first, and to make its backend, which may load
    # a driver
    probe_limit: float | None = 30.0
    create_limit: float | None = 60.0

    def __init__(self) -> None:
        self._entries: dict[str, list[Any]] | None = None  # all that are installed
        self._records: dict[str, BackendInfo] = {}
        self._states: dict[str, State] = {}
        self._backends: dict[str, Backend] = {}

    def add(self, info: BackendInfo) -> None:
        """A device type that no package brings: for tests. Its name must be new, since
        what was made for a device is remembered by its name."""
        if isinstance(self.state(info.device_type), Available):
            raise BackendError(f"device type '{info.device_type}' is there already")
        self._states[info.device_type] = Available(info, info.probe())

    def installed(self) -> list[str]:
        """Device types that packages bring, allowed or not; imports none of them."""
        if self._entries is None:
            import importlib_metadata  # slow to import, and not needed before

            self._entries = {}
            for entry in importlib_metadata.entry_points(group=GROUP):
                self._entries.setdefault(entry.name, []).append(entry)
        return sorted(self._entries)

    def names(self) -> list[str]:
        """Device types that are installed and that NEURENIX_BACKENDS allows."""
        return [name for name in self.installed() if _allowed(name)]

    def nothing(self) -> str:
        """Why no installed type is to be had at all."""
        states = [(name, self.state(name)) for name in self.names()]
        if states:
            return "; ".join(f"{n}: {s.reason}" for n, s in states if type(s) is Absent)
        have = ", ".join(self.installed())
        return f"{self._allow_list()} allows none of {have}" if have else _NONE

    def state(self, device_type: str) -> State:
        """The state of a device type. Never raises."""
        if device_type not in self._states:
            self._states[device_type] = self._look_up(device_type)
        return self._states[device_type]

    def _look_up(self, device_type: str) -> State:
        if device_type == reference.INFO.device_type:
            return Available(reference.INFO, 1)
        names = self.installed()
        assert self._entries is not None
        entries = self._entries.get(device_type, [])
        if not entries:
            have = ", ".join([*names, reference.INFO.device_type])
            told = f"no backend for it is installed (there are: {have})"
            return Absent(f"{told}; {self._remedy(device_type)}")
        if not _allowed(device_type):
            return Absent(f"{self._allow_list()} does not allow it")
        distribution, version = self.origin(device_type)
        try:
            if len(entries) > 1:
                both = " and ".join(sorted(_distribution(e)[0] for e in entries))
                raise BackendError(
                    f"the distributions {both} both claim the device type "
                    f"'{device_type}'; uninstall one"
                )
            info = self._record(device_type, entries[0])
            count = within(self.probe_limit, "its probe", lambda: int(info.probe()))
        except BackendError as error:
            return Broken(error, distribution, version)
        except DeviceError as error:  # it says why there is none
            return Absent(f"{distribution} {version}: {error}")
        except (Exception, SystemExit) as error:  # noqa: BLE001  its fault is its state
            return Broken(error, distribution, version)
        if count < 1:
            return Absent(
                f"{distribution} {version} is installed and finds no such device"
            )
        return Available(info, count)

    def known(self) -> list[str]:
        """Device types that are installed, the reference, and the well-known ones."""
        here = [*self.installed(), reference.INFO.device_type]
        return [*here, *(name for name in well_known() if name not in here)]

    def _remedy(self, device_type: str) -> str:
        """What to do about a device type that no package brings."""
        if device_type in well_known():
            return how_to_install(f"neurenix-backend-{device_type}")
        near = alike(device_type, self.known())
        meant = " or ".join(near)
        return f"did you mean {meant}?" if near else "install the package that has one"

    def _allow_list(self) -> str:
        """The variable and what it says, with what its misspelt names may mean."""
        said = os.environ[_ALLOW_LIST]
        known = self.known()
        names = [part.strip() for part in said.split(",")]
        near = [n for name in names if name not in known for n in alike(name, known)]
        meant = f" (did you mean {' or '.join(near)}?)" if near else ""
        return f"{_ALLOW_LIST}={said}{meant}"

    def _record(self, device_type: str, entry: Any) -> BackendInfo:
        """What the plugin says of itself; nothing is probed."""
        if device_type not in self._records:
            answer = within(self.probe_limit, "its probe", lambda: _ask(entry))
            self._records[device_type] = answer
        return self._records[device_type]

    def origin(self, device_type: str) -> tuple[str, str]:
        """Name and version of the (first) distribution that brings a device type."""
        if device_type == reference.INFO.device_type:
            name = reference.INFO.distribution
            return name, _version_of(name)
        self.installed()
        assert self._entries is not None
        entries = self._entries.get(device_type)
        return _distribution(entries[0]) if entries else ("", "")

    def backend(self, device_type: str) -> Backend:
        """The backend, created on first use; without one, its cause is raised."""
        created = self._backends.get(device_type)
        if created is None:
            state = self.state(device_type)
            if isinstance(state, Available):
                try:
                    made = within(self.create_limit, "its create()", state.info.create)
                    created = as_backend(made)
                    self._backends[device_type] = created
                    return created
                except (Exception, SystemExit) as error:  # noqa: BLE001  here too
                    state = Broken(error, *self.origin(device_type))
                    self._states[device_type] = state
            if isinstance(state, Absent):
                raise DeviceError(
                    f"device type '{device_type}' is absent: {state.reason}"
                )
            raise BackendError(
                f"device type '{device_type}' cannot be used: {state.reason}; "
                f"{state.remedy}"
            ) from state.exception
        return created

    def created(self) -> dict[str, Backend]:
        """The backends that have been asked for, by device type."""
        return dict(self._backends)

    def with_dtype(self, dtype: Dtype) -> list[str]:
        """The usable device types that have a dtype; broken ones are passed over."""
        found = []
        for name in [*self.names(), reference.INFO.device_type]:
            try:
                has = self.backend(name).capabilities(0).dtypes
            except (Exception, SystemExit):  # noqa: BLE001, S112  no help here
                continue
            if dtype in has:
                found.append(name)
        return found

    def lacks_dtype(self, backend: Backend, index: int, dtype: Dtype) -> str:
        """The message for a device that lacks a dtype; it names the devices that have
        it."""
        names = [name for name, b in self._backends.items() if b is backend]
        device = f"{names[0]}:{index}" if names else "this device"
        have = ", ".join(sorted(d.name for d in backend.capabilities(index).dtypes))
        others = ", ".join(self.with_dtype(dtype)) or "no installed device"
        return (
            f"the device {device} has no {dtype.name} (it has {have}); "
            f"{others} has it: move there, or choose another dtype"
        )

    def device_count(self, device_type: str) -> int:
        """0 for an absent type; 0 with a warning for a broken one."""
        state = self.state(device_type)
        if isinstance(state, Broken):
            warnings.warn(
                f"no '{device_type}' devices: {state.reason}",
                RuntimeWarning,
                stacklevel=3,
            )
        return state.count if isinstance(state, Available) else 0

    def best(self, unopened: Mapping[str, str] = _NO_TYPES) -> tuple[str, list[str]]:
        """The available type of highest priority, and why others of at least its
        priority were passed over, though there is something: absent ones are what a
        machine is, and only the doctor speaks of them. Those below are not probed.
        `unopened`: types whose first device does not open, and why."""
        skipped: list[str] = []
        lowest: float = reference.INFO.priority
        found = (lowest, reference.INFO.device_type)
        for priority, name in sorted(
            ((self._priority(name), name) for name in self.names()), reverse=True
        ):
            if priority < found[0]:
                break
            state = self.state(name)
            if isinstance(state, Broken):
                skipped.append(f"{name}: {state.reason}")
            elif isinstance(state, Available):
                reason = unopened.get(name) or state.info.passed_over()
                if reason:
                    skipped.append(f"{name}: {reason}")
                else:
                    found = max(found, (priority, name))
        return found[1], skipped

    def _priority(self, device_type: str) -> float:
        """Of an installed type; above all others where it cannot be asked."""
        assert self._entries is not None
        entries = self._entries[device_type]
        try:
            return self._record(device_type, entries[0]).priority
        except (Exception, SystemExit):  # noqa: BLE001  its state will say so
            return math.inf


def _allowed(name: str) -> bool:
    allowed = os.environ.get(_ALLOW_LIST)
    return allowed is None or name in {part.strip() for part in allowed.split(",")}


def _distribution(entry: Any) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist else ("unknown", "")


def _version_of(distribution: str) -> str:
    import importlib_metadata

    try:
        return str(importlib_metadata.version(distribution))
    except importlib_metadata.PackageNotFoundError:
        return ""  # used from a folder of sources


def _ask(entry: Any) -> BackendInfo:
    import pluggy

    from .hookspecs import BackendHooks

    manager = pluggy.PluginManager("neurenix")
    manager.add_hookspecs(BackendHooks)
    manager.register(entry.load(), name=entry.name)
    answers = manager.hook.neurenix_backend()
    if len(answers) != 1:
        raise BackendError(
            f"the plugin {entry.value!r} implements neurenix_backend "
            f"{len(answers)} times, not once"
        )
    info = answers[0]
    version = getattr(info, "api_version", None)
    if version != API_VERSION:  # before anything else of it is looked at
        raise BackendError(
            f"it is made for backend API {version}, this core has {API_VERSION}; "
            "install matching releases"
        )
    if info.device_type != entry.name:
        raise BackendError(
            f"its entry point says {entry.name!r}, its record {info.device_type!r}"
        )
    return info


discovery = Discovery()
