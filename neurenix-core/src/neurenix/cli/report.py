"""The report of the doctor, and its text."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..backends import discovery, reference


@dataclass(frozen=True)
class DeviceReport:
    """One device: what it has, and how its self-check went.

    `check` is "passed" or what was wrong; sizes are in bytes, 0 where unknown; `notes`
    is what its backend has to say of it.
    """

    device: str
    name: str = ""
    instruction_set: str = ""
    engine: str = ""
    threads: int = 0
    memory_bytes: int = 0
    dtypes: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    check: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """One device type: "available", "absent" or "broken", with the reason.

    `api_version` is that of the backend protocol which it is made for, 0 where that
    could not be asked or does not fit, and the reason says so. `passed_over` says why
    it is not taken where nobody names a type, if so.
    """

    device_type: str
    state: str
    reason: str = ""
    distribution: str = ""
    version: str = ""
    api_version: int = 0
    priority: int = 0
    passed_over: str = ""
    seconds: float = 0.0
    devices: tuple[DeviceReport, ...] = ()


def automatic(reports: Sequence[Report]) -> str | None:
    """The type that is taken where nobody names one, of those that were looked at."""
    found = [
        (r.priority, r.device_type)
        for r in reports
        if r.state == "available" and not r.passed_over
    ]
    return max(found)[1] if found else None


def _surroundings() -> dict[str, Any]:
    name, version = discovery.origin(reference.INFO.device_type)
    return {
        name: version or "from a folder of sources",
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "NEURENIX_BACKENDS": os.environ.get("NEURENIX_BACKENDS"),
    }


def as_json(reports: Sequence[Report], taken: str | None) -> str:
    """One object: "surroundings", "automatic" (the type that is taken where nobody
    names one; null unless all were looked at) and "device_types", a list with the
    fields of `Report`."""
    found = {
        "surroundings": _surroundings(),
        "automatic": taken,
        "device_types": [asdict(r) for r in reports],
    }
    return json.dumps(found, indent=2)


def as_text(reports: Sequence[Report], taken: str | None) -> str:
    """A line or more for each device type."""
    around = [f"{k} {v}" for k, v in _surroundings().items() if v is not None]
    lines = [", ".join(around), ""]
    width = max((len(r.device_type) for r in reports), default=0)
    for r in reports:
        source = " ".join(part for part in (r.distribution, r.version) if part)
        source += f" (backend API {r.api_version})" if r.api_version else ""
        told = r.reason or source
        lines.append(f"{r.device_type:{width}}  {r.state:9}  {told}".rstrip())
        for d in r.devices:
            lines.append(f"{'':{width}}             {_line(d)}")
            lines += [f"{'':{width}}               {note}" for note in d.notes]
    if taken is not None:
        lines += ["", f'Where nobody names a device, "{taken}" is taken.']
    return "\n".join(lines)


def _line(d: DeviceReport) -> str:
    parts = [
        d.name,
        d.instruction_set,
        d.engine,
        f"{d.threads} threads" if d.threads > 1 else "1 thread" if d.threads else "",
        f"{d.memory_bytes / 2**30:.1f} GiB" if d.memory_bytes else "",
        f"products in {', '.join(d.precisions)}" if len(d.precisions) > 1 else "",
        f"self-check: {d.check}",
    ]
    return f"{d.device}  " + ", ".join(part for part in parts if part)
