"""Peers as processes that are asked, a case at a time, and ended when one does not
answer in time."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

FORMS = ("jax", "jax-im2col", "torch-eager", "torch-reduce")
SCRIPT = Path(__file__).resolve().parent / "peer.py"


def applies(form, name):
    """Whether a form differs from the others in a case."""
    return form != "jax-im2col" or name.startswith(("w5", "w6"))


def interpreters(forms, pairs):
    """The interpreter of each form; pairs are such as "jax=python3.12"."""
    named = dict(pair.split("=", 1) for pair in pairs)
    return {form: named.get(form.split("-")[0], sys.executable) for form in forms}


class Peer:
    """One form of one peer, whose process begins with the first question."""

    def __init__(self, python, form):
        self.command = [python, str(SCRIPT), form]
        self.process = None
        self.absent = ""  # which library it lacks

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end()

    def begin(self):
        # a rehearsal's fake driver is not for them
        env = dict(os.environ)
        if env.pop("NEURENIX_REHEARSAL", None):
            for name in ("LD_LIBRARY_PATH", "PYTHONPATH"):
                env.pop(name, None)
        self.process = subprocess.Popen(
            self.command,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.lines, self.said = queue.Queue(), []
        for stream, keep in (
            (self.process.stdout, self.lines.put),
            (self.process.stderr, self.said.append),
        ):
            threading.Thread(
                target=lambda s=stream, k=keep: [*map(k, s), k("")], daemon=True
            ).start()

    def ask(self, file, seconds, limit):
        """What it measures of a case as a dictionary, or in a few words why it has
        nothing to say."""
        if self.absent:
            return self.absent
        if self.process is None:
            self.begin()
        try:
            print(file, seconds, file=self.process.stdin, flush=True)
            line = self.lines.get(timeout=max(limit, 0))
        except queue.Empty:
            self.end()
            return f"over {limit:.0f} s"
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.wait()
            self.end()
            lines = "".join(self.said).strip().splitlines() or ["it ended"]
            errors = [line for line in lines if "Error: " in line] or lines
            last = errors[-1].replace("|", "/")
            if last.startswith("ModuleNotFoundError: No module named "):
                self.absent = f"no {last.split()[-1]} here"
            return self.absent or last[:60]
        return json.loads(line)

    def end(self):
        if self.process is None:
            return
        # it may have ended, or its driver may hold it back
        with suppress(ProcessLookupError, subprocess.TimeoutExpired, BrokenPipeError):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
            self.process.stdin.close()
        self.process = None
