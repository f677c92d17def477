"""Runs a stage within its time, whatever hangs, and keeps what it told for a table."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LEAST = 3.0  # seconds, below which a stage is not begun


@dataclass
class Stage:
    """A command that was begun: its process leads a group, which ends as one."""

    name: str
    process: subprocess.Popen[bytes]
    file: Path
    begin: float
    most: float


class Stages:
    """The stages of one check. `limit` is how many seconds all of them may take; each
    has a limit of its own, `slack` times what is asked for, and writes into
    FOLDER/NAME.txt."""

    def __init__(self, folder: Path, limit: float, slack: float = 1.0) -> None:
        self.folder, self.slack = folder, slack
        self.end = time.monotonic() + limit
        self.start = time.monotonic()
        self.rows: list[str] = []
        self.begun: list[Stage] = []  # and not finished
        self.passed = True

    def left(self) -> float:
        return self.end - time.monotonic()

    def run(
        self,
        name: str,
        most: float,
        command: Sequence[str],
        env: Mapping[str, str],
        keep: float = 0.0,
        shown: int = 4,
    ) -> bool:
        """Whether the command succeeded within `most` seconds, leaving `keep` to those
        after it; its last lines are shown."""
        stage = self.begin(name, most, command, env, keep)
        return stage is not None and self.finish(stage, shown)

    def begin(
        self,
        name: str,
        most: float,
        command: Sequence[str],
        env: Mapping[str, str],
        keep: float = 0.0,
    ) -> Stage | None:
        """Starts a command, and goes on beside it; None where no time is left."""
        most = min(most * self.slack, self.left() - keep)
        if most < LEAST:
            self.note(name, "no time left", passed=False)
            return None
        print(f"== {name} (at {time.monotonic() - self.start:.0f} s)", flush=True)
        file = self.folder / f"{name.replace(' ', '-')}.txt"
        with open(file, "wb") as output:
            process = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        stage = Stage(name, process, file, time.monotonic(), most)
        self.begun.append(stage)
        return stage

    def finish(self, stage: Stage, shown: int = 4) -> bool:
        """Waits for a stage to its limit, and notes how it ended."""
        late = False
        try:
            stage.process.wait(max(0.0, stage.begin + stage.most - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
        end_group(stage.process)
        self.begun.remove(stage)
        lines = stage.file.read_text(errors="replace").rstrip().splitlines() or [""]
        print("\n".join(lines[-shown:]) if shown else "", flush=True)
        seconds = f"{time.monotonic() - stage.begin:.0f} s"
        last = lines[-1][:90].replace("|", "/")
        status = stage.process.returncode
        if not late and status == 0:
            told = last if last.startswith("not run: ") else f"ok: {last}"
            self.note(stage.name, told, seconds)
            return True
        cause = f"over {stage.most:.0f} s" if late else f"status {status}"
        self.note(stage.name, f"FAILED ({cause}): {last}", seconds, passed=False)
        return False

    def end_begun(self) -> None:
        """Ends what still runs, where the check itself is ended."""
        while self.begun:
            end_group(self.begun.pop().process)

    def note(
        self, name: str, told: str, seconds: str = "", passed: bool = True
    ) -> None:
        self.rows.append(f"| {name} | {told} | {seconds} |")
        self.passed &= passed

    def table(self) -> str:
        return "\n".join(["| stage | result | time |", "|---|---|---|", *self.rows])


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all that it started, what is in sessions of its own too. One
    that a driver holds back may outlive it: it is not waited for."""
    # of one that has ended only its own group can still be told from others
    running = process.poll() is None
    groups = groups_of(process.pid) if running else [process.pid]
    for how in (signal.SIGTERM, signal.SIGKILL):
        groups = [group for group in groups if _signalled(group, how)]
        if not groups:
            break
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        time.sleep(0.1)  # for the others


def groups_of(leader: int) -> list[int]:
    """The process groups of a leader and of all that descend from it."""
    children: dict[int, list[int]] = {}
    groups = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            # what is before the bracket is the program's name, whatever is in that
            fields = file.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        pid = int(file.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        groups[pid] = int(fields[2])
    found = [leader]
    for pid in found:
        found += children.get(pid, [])
    return list(dict.fromkeys([leader, *(groups.get(pid, leader) for pid in found)]))


def _signalled(group: int, how: signal.Signals) -> bool:
    """Whether anybody is left in a group to hear it."""
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return False
    return True
