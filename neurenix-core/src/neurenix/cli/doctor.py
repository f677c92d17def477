"""Asks every device type how it does, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..backends import discovery
from ..errors import CommandLineError
from ..keywords import alike
from .report import DeviceReport, Report, as_json, as_text, automatic

DEFAULT_LIMIT = 20.0
LONGEST_LIMIT = 3600.0
SLOW_LIMIT = 180.0  # of a device type that compiles at first use, unless one is given
QUIET = 3.0  # seconds, after which it is said what is waited for
EXPLAINED = (
    "Looks at every device type in a process of its own, computes something on each of "
    "its devices, and says what is available, absent or broken, and why. The exit "
    "status is 1 if something is broken."
)
# A child looks for modules where this process does, not in its working folder first.
# When its time is up, it says where it stands and ends: a thread of C does that, which
# speaks even where a driver never gives the interpreter's lock back.
_CHILD = (
    "import sys, faulthandler as f; "
    "answer, name, limit, longer, *sys.path[:] = sys.argv[1:]; "
    "f.dump_traceback_later(float(limit), exit=True); "
    "from neurenix.cli.probe import main; main(name, answer, float(longer))"
)


def examine(names: Sequence[str] = (), *, limit: float = DEFAULT_LIMIT) -> list[Report]:
    """A report on each device type of `names`, or on all; `limit` in seconds.

    Each is looked at in a process of its own, all at the same time: one that hangs or
    crashes is reported as broken, and harms nothing else. With the default limit, one
    that says that its first use may take minutes is waited for, up to three.

    >>> [report] = examine(["reference"])
    >>> report.state, report.devices[0].check
    ('available', 'passed')
    """
    wanted = list(names) or discovery.known()
    with tempfile.TemporaryDirectory(prefix="neurenix-doctor-") as folder:
        children: list[_Child] = []
        try:
            for number, name in enumerate(wanted):
                children.append(_Child(name, Path(folder), number, limit))
            return [child.report() for child in children]
        finally:
            for child in children:
                child.end()


def diagnose(names: Sequence[str], json: bool, limit: float) -> tuple[str, int]:
    """What `neurenix doctor` prints, and its exit status.

    Raises CommandLineError for a device type that is neither installed nor well known.
    """
    known = discovery.known()
    for name in names:
        if name not in known:
            near = alike(name, known)
            meant = (
                f"did you mean {' or '.join(near)}? There are" if near else "there are"
            )
            raise CommandLineError(
                f"doctor: no device type {name!r}; {meant} {', '.join(known)}"
            )
    reports = examine(names, limit=limit)
    taken = None if names else automatic(reports)
    text = (as_json if json else as_text)(reports, taken)
    return text, int(any(report.state == "broken" for report in reports))


class _Child:
    def __init__(self, name: str, folder: Path, number: int, limit: float) -> None:
        self.name = name
        self.limit = limit
        self.answer = folder / f"{number}.json"
        self.log = folder / f"{number}.log"
        self.start = time.monotonic()
        self.slow = self.answer.with_suffix(".slow")
        self.longer = SLOW_LIMIT if limit == DEFAULT_LIMIT else limit
        arguments = [str(self.answer), name, str(limit), str(self.longer), *sys.path]
        # files, not pipes: what a grandchild keeps open holds nobody up
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def report(self) -> Report:
        status = self._wait()
        hung = status is None
        seconds = round(time.monotonic() - self.start, 3)
        log = self.log.read_text("utf-8", errors="replace").strip()
        if self.answer.exists():
            return replace(_read(self.answer), seconds=seconds)
        distribution, version = discovery.origin(self.name)
        hung = hung or "\nTimeout (" in f"\n{log}"
        cause = self._hung(log) if hung else _crashed(status or 0, log)
        reason = f"{distribution} {version} is installed but broken: {cause}".strip()
        return Report(
            self.name, "broken", reason, distribution, version, seconds=seconds
        )

    def _wait(self) -> int | None:
        """Its exit status; None where it had to be ended. It ends itself first."""
        told = False
        while True:
            passed = time.monotonic() - self.start
            if self.slow.exists():
                self.limit = self.longer
                if not told and passed > QUIET:
                    told = True
                    why = self.slow.read_text("utf-8")
                    print(
                        f"{self.name}: {why} (waiting up to {self.limit:g} s)",
                        file=sys.stderr,
                        flush=True,
                    )
            try:
                return self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                if passed > self.limit + 5:
                    self.end()
                    return None

    def _hung(self, log: str) -> str:
        cause = f"it hung: no answer within {self.limit:g} s"
        # the innermost frame of the main thread, which comes last
        last = log.rpartition("(most recent call first):")[2]
        frame = re.search(r'File "(.+)", line (\d+) in (\S+)', last)
        return f"{cause} (in {frame[3]}, {frame[1]}:{frame[2]})" if frame else cause

    def end(self) -> None:
        """It, and what it has started, if it has not ended by itself."""
        if self.process.poll() is not None:
            return
        if hasattr(os, "killpg"):
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()


def _read(answer: Path) -> Report:
    found = json.loads(answer.read_text("utf-8"))
    devices = tuple(
        DeviceReport(**device | {"notes": tuple(device["notes"])})
        for device in found.pop("devices")
    )
    return Report(**found, devices=devices)


def _crashed(status: int, log: str) -> str:
    if status < 0:
        how = f"its process was ended by {signal.Signals(-status).name}"
    else:
        how = f"its process ended with status {status}"
    last = log.splitlines()[-1].strip() if log else ""
    return f"{how}: {last}" if last else how
