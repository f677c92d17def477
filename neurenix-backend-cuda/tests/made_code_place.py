"""Runs made_code.py in a process of its own, with a fake compiler and a cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).with_name("made_code.py")


@dataclass(frozen=True)
class Ran:
    digests: tuple[str, ...]
    made: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where the fake compiler and the cache put their files, and whose device it is:
    "cuda" or "rocm"."""

    folder: Path
    kind: str = "cuda"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def compiled(self) -> int:
        """How often the fake compiler has compiled."""
        return len(list(self.folder.glob("*.so")))

    def entries(self) -> list[Path]:
        """What the cache holds."""
        return list((self.cache / self.kind).iterdir())

    def environment(self, when: str, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PHYNEXUS_FAKE_COMPILER_FOLDER": str(self.folder),
            "NEURENIX_CACHE": str(self.cache),
            "NEURENIX_GPU_CODE": when,
            **more,
        }

    def start(self, when: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), f"{self.kind}_emulated", *arguments],
            env=self.environment(when, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ran(self, process: subprocess.Popen[str]) -> Ran:
        """What it told, once it has ended."""
        try:
            output, errors = process.communicate(timeout=600)
        finally:
            process.kill()
        assert process.returncode == 0, errors
        told = json.loads(output)
        return Ran(tuple(told["digests"]), told["made"], tuple(told["notes"]))

    def run(self, when: str, *arguments: str, **more: str) -> Ran:
        return self.ran(self.start(when, *arguments, **more))
