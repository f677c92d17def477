"""Looks at one device type, in a process that may hang or crash without harm."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..backends import Absent, Backend, Broken, discovery
from ..backends.protocol import PRECISIONS
from ..errors import NeurenixError
from ..functions.arithmetic import tanh
from ..tensor import tensor
from .report import DeviceReport, Report


def look(
    device_type: str, be_patient: Callable[[str], None] = lambda why: None
) -> Report:
    """Everything that can be said of a device type from within this process;
    `be_patient` is told why its first use may take minutes, if so."""
    # the process has a limit, which says where it hangs
    discovery.probe_limit = discovery.create_limit = None
    state = discovery.state(device_type)
    distribution, version = discovery.origin(device_type)
    if isinstance(state, Absent):
        return Report(device_type, "absent", state.reason, distribution, version)
    if isinstance(state, Broken):
        reason = f"{state.reason}; {state.remedy}"
        return Report(device_type, "broken", reason, distribution, version)

    def broken(error: Exception, *devices: DeviceReport) -> Report:
        reason = _told(error)
        if not isinstance(error, NeurenixError):
            reason = f"{distribution} {version}: {reason}"
        return Report(
            device_type, "broken", reason, distribution, version, devices=devices
        )

    try:
        if why := state.info.slow_start():
            be_patient(why)
        backend = discovery.backend(device_type)
        looked = [
            _device(backend, f"{device_type}:{index}", index)
            for index in range(backend.device_count())
        ]
    except Exception as error:  # noqa: BLE001  a plugin's code: whatever it raises
        return broken(error)
    devices = tuple(device for device, _ in looked)
    # Who names no device gets the first one: what others lack concerns who names them,
    # such as a processor's own graphics beside a card.
    if looked and (first := looked[0][1]):
        return broken(first, *(devices if len(devices) > 1 else ()))
    wrong = [f"{d.device}: {d.check}" for d in devices[:1] if d.check != "passed"]
    return Report(
        device_type,
        "broken" if wrong else "available",
        f"{distribution} {version}: the self-check failed on {wrong[0]}"
        if wrong
        else "",
        distribution,
        version,
        state.info.api_version,
        state.info.priority,
        state.info.passed_over(),
        devices=devices,
    )


def _device(
    backend: Backend, device: str, index: int
) -> tuple[DeviceReport, Exception | None]:
    """Its report, and the error if it does not open."""
    try:
        return _examined(device, backend, index), None
    except Exception as error:  # noqa: BLE001  a plugin's code: whatever it raises
        return DeviceReport(device, check=f"does not open: {_told(error)}"), error


def _told(error: Exception) -> str:
    own = isinstance(error, NeurenixError)
    return str(error) if own else f"{type(error).__name__}: {error}"


def _examined(device: str, backend: Backend, index: int) -> DeviceReport:
    has = backend.capabilities(index)
    return DeviceReport(
        device,
        has.name,
        has.instruction_set,
        has.engine,
        has.threads,
        has.memory_bytes,
        tuple(sorted(d.name for d in has.dtypes)),
        tuple(p for p in PRECISIONS if p in has.precisions),
        _check(device, backend, index),
        backend.notes(index),
    )


def _check(device: str, backend: Backend, index: int) -> str:
    """A product of matrices, a function and a sum, against NumPy; then what the backend
    itself knows to check."""
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (33, 70)).astype(np.float32)
    b = rng.normal(0, 0.1, (70, 17)).astype(np.float32)
    expected = np.tanh(a @ b).sum(axis=0)
    try:
        product = tensor(a, device=device) @ tensor(b, device=device)
        found = tanh(product).sum(axis=0).numpy()
        wrong = backend.self_check(index)
    except Exception as error:  # noqa: BLE001  it is what the check is there to find
        return f"{type(error).__name__}: {error}"
    worst = float(np.max(np.abs(found - expected), initial=0))
    if found.shape != expected.shape or not worst < 1e-4:
        return f"wrong by {worst:.3g} (allowed 0.0001)"
    return wrong or "passed"


def main(device_type: str, answer: str, longer: float) -> None:
    """Write the report to the file `answer`; where the first use may take minutes, the
    limit of this process becomes `longer` seconds, and a file beside it says why."""

    def be_patient(why: str) -> None:
        faulthandler.dump_traceback_later(longer, exit=True)
        slow = Path(answer).with_suffix(".slow")
        slow.with_suffix(".part").write_text(why, "utf-8")
        slow.with_suffix(".part").replace(slow)

    report = look(device_type, be_patient)
    Path(answer).write_text(json.dumps(asdict(report)), "utf-8")
