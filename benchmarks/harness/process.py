"""A process that answers each line with one line of JSON."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Failed(Exception):
    """What does not run here, with the reason."""


class Process:
    """limit: seconds to wait for an answer; temporary: a folder for its errors."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        limit: float,
        temporary: str,
    ) -> None:
        self.errors = Path(temporary) / "errors"
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        self.limit = limit

    def answer(self) -> Row:
        """The next line. Raises Failed, with the process's last words, for none."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], self.limit)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.close()
        if not ready:
            raise Failed(f"longer than {self.limit:.0f} s")
        tail = self.errors.read_text().strip().splitlines()[-1:] or ["no output"]
        raise Failed(tail[0][:200])

    def ask(self, line: object) -> Row:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
