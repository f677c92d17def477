"""Asks the ROCm engine's build what it would make, and reads what the notes of AMD's
code say of each kernel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[1]
ALL = ("gfx906", "gfx908", "gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201")

_FOLDERS = ":".join(f"/usr/lib/llvm-{n}/bin" for n in range(15, 22))
READER = shutil.which("llvm-readelf", path=f"/opt/rocm/llvm/bin:{_FOLDERS}")
NEWER_CLANG = any(shutil.which(f"clang++-{n}") for n in range(19, 22))


@dataclass
class ProductBuild:
    """A folder of CMake's."""

    folder: Path

    def configure(self, *architectures: str) -> str:
        """For these architectures; what CMake says."""
        tools = Path(sys.executable).parent
        ninja = shutil.which("ninja", path=str(tools)) or "ninja"
        place = (_cmake(), "-S", str(BACKEND), "-B", str(self.folder))
        return _run(
            *(*place, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"),
            f"-DPHYNEXUS_HIP_ARCHITECTURES={';'.join(architectures)}",
        )

    def make(self, target: str) -> None:
        _run(_cmake(), "--build", str(self.folder), "--target", target)


def _cmake() -> str:
    return shutil.which("cmake", path=str(Path(sys.executable).parent)) or "cmake"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@dataclass(frozen=True)
class Notes:
    """Of a kernel and the functions that it calls."""

    lanes: int
    registers: int  # vector registers of a lane
    to_memory: int  # vector registers that are put into memory
    to_lanes: int  # scalar registers that are put into a vector register's lanes
    own_memory: int  # bytes of a lane: what is put there, and arrays that are indexed


def notes_of(file: Path) -> dict[str, Notes]:
    """By kernel."""
    said = subprocess.run(
        [str(READER), "--notes", str(file)], capture_output=True, text=True, check=True
    ).stdout
    found = {}
    # their arguments are entries too, further to the right
    for entry in re.split(r"^  - \.", said, flags=re.MULTILINE)[1:]:
        (name,) = re.findall(r"^    \.name: +(\w+)", entry, re.MULTILINE)
        number = dict(re.findall(r"\.(\w+): +(\d+)$", entry, re.MULTILINE))
        found[name] = Notes(
            lanes=int(number["wavefront_size"]),
            registers=int(number["vgpr_count"]),
            to_memory=int(number["vgpr_spill_count"]),
            to_lanes=int(number["sgpr_spill_count"]),
            own_memory=int(number["private_segment_fixed_size"]),
        )
    return found
