"""What NVIDIA's disassemblers say of machine code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def tool(name: str) -> str | None:
    """A tool of NVIDIA's toolkit: on the path, where it is installed, or of a wheel
    (nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm)."""
    wheels = Path(np.__file__).parents[1] / "nvidia/cu13/bin"
    places = (os.environ["PATH"], "/usr/local/cuda/bin", str(wheels))
    return next(filter(None, (shutil.which(name, path=p) for p in places)), None)


def missing_tools(*names: str) -> str:
    """Those that are not there, for the reason of a skip; empty where all are."""
    return ", ".join(name for name in names if tool(name) is None)


@dataclass(frozen=True)
class Kernel:
    """A kernel's instructions, and what a thread of it uses."""

    instructions: tuple[str, ...]
    registers: int
    stack: int
    local: int

    def count(self, name: str) -> int:
        """How many instructions have that name, whatever follows its first dot."""
        return sum(x.split(".")[0] == name for x in self.instructions)


def kernels_of(cubin: Path) -> dict[str, Kernel]:
    """The kernels of a file of machine code."""
    # the one calls the other
    environment = {**os.environ, "NVDISASM_PATH": str(tool("nvdisasm"))}

    def said(*options: str) -> str:
        return subprocess.run(
            [str(tool("cuobjdump")), *options, str(cubin)],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        ).stdout

    used = re.findall(
        r"Function (\w+):\s*REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)",
        said("--dump-resource-usage"),
    )
    numbers = {name: tuple(map(int, rest)) for name, *rest in used}
    parts = re.split(r"Function : (\w+)", said("-sass"))[1:]
    line = r"/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+ )?([A-Z][\w.]*)"
    return {
        name: Kernel(tuple(re.findall(line, text)), *numbers[name])
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
