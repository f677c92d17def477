"""Where the peers' scripts and environments are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .forms import Form

BENCHMARKS = Path(__file__).resolve().parent.parent


class Peers:
    """The folder of the peers' scripts (`common.py` states the workloads there), and
    the folder with their environments and data."""

    def __init__(self, scripts: str | None) -> None:
        found = scripts or os.environ.get("NEURENIX_PEERS")
        if not found:
            raise SystemExit(
                "the workloads are stated by the peers' scripts, and their folder is "
                "not known: name it with --peers or NEURENIX_PEERS"
            )
        self.scripts = Path(found).resolve()
        if not (self.scripts / "common.py").exists():
            raise SystemExit(f"--peers: there is no common.py in {self.scripts}")
        self.home = Path(os.environ.get("PEERS_HOME") or self.scripts).resolve()

    def python(self, form: Form) -> str:
        """The interpreter of a form; ours is the one that runs this."""
        if not form.environment:
            return sys.executable
        return str(self.home / f".venv-{form.environment}" / "bin" / "python")

    def installed(self, form: Form) -> bool:
        return Path(self.python(form)).exists()

    def command(self, form: Form, workload: str, mode: str) -> list[str]:
        """What starts a worker: see worker.py."""
        return [
            self.python(form),
            str(BENCHMARKS / "harness" / "worker.py"),
            str(self.scripts),
            form.module,
            workload,
            form.variant or "",
            mode,
        ]

    def environment(self, form: Form, temporary: str) -> dict[str, str]:
        """A temporary folder of its own, where compilers keep what they compiled."""
        ours = {**os.environ, "PEERS_HOME": str(self.home), "TMPDIR": temporary}
        if form.environment:
            ours.pop("PYTHONPATH", None)
        return ours
