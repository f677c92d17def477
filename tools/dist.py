"""Builds every package for release, and tries it on each Python here: `make dist`.

    python tools/dist.py [--output build/dist] [--only-build] [PYTHON ...]

Each package's sdist is built, and its wheel from that sdist. Native wheels are repaired
by auditwheel, which also says which manylinux they are for. Then, for each Python, a
fresh environment gets all wheels at once, without a compiler at hand, and runs both
documented programs. Two tables tell what there is and what was tried.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted((ROOT / "tests/quickstart").glob("*.py"))
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# What is released has machine code for more cards than a build for oneself.
RELEASED = {
    "neurenix-backend-cuda": (
        "--config-setting=cmake.define.PHYNEXUS_CUDA_ARCHITECTURES=80;90;100;120",
    )
}

LARGEST = 30_000_000  # bytes of a wheel: one with the code of many cards is downloaded


@dataclass(frozen=True)
class Trial:
    """What one Python made of the wheels."""

    python: str
    seconds: float
    packages: str
    told: tuple[str, ...]


def packages() -> list[Path]:
    """The folders of all packages, core first: others build against it."""
    folders = [path.parent for path in sorted(ROOT.glob("neurenix-*/pyproject.toml"))]
    folders.sort(key=lambda folder: folder.name != "neurenix-core")
    return [*folders, ROOT]


def cuda_home() -> Path | None:
    """Where nvcc lies: what the dependency group `cuda` has put into this environment,
    else the system's."""
    beside = Path(sys.prefix).glob("lib/python3*/site-packages/nvidia/cu13/bin/nvcc")
    found = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    compilers = [*beside, *([Path(found).resolve()] if found else [])]
    return compilers[0].parents[1] if compilers else None


def build(output: Path) -> None:
    """Sdists and wheels of all packages, native ones for manylinux; those of GPUs only
    where nvcc, or hipcc, is."""
    shutil.rmtree(output, ignore_errors=True)
    cuda = cuda_home()
    env = {**os.environ, "CUDA_HOME": str(cuda)} if cuda else None
    for folder in packages():
        lacking = {
            "neurenix-backend-cuda": "" if cuda else "nvcc",
            "neurenix-backend-rocm": "" if shutil.which("hipcc") else "hipcc",
        }.get(folder.name)
        if lacking:
            print(f"leaving {folder.name} out: there is no {lacking}", flush=True)
            continue
        print(f"building {folder.name}", flush=True)
        released = RELEASED.get(folder.name, ())
        command = [sys.executable, "-m", "build", "--no-isolation"]
        run(
            [*command, *released, "--outdir", output],
            cwd=folder,
            env=env,
        )
    for wheel in sorted(output.glob("*-linux_*.whl")):
        print(f"repairing {wheel.name}", flush=True)
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        run(
            [
                sys.executable,
                "-m",
                "auditwheel",
                "repair",
                "--wheel-dir",
                output,
                wheel,
            ],
            env={**os.environ, "PATH": tools},  # patchelf is there
        )
        wheel.unlink()
    for wheel in sorted(output.glob("*.whl")):
        check_size(wheel)
        check_programs(wheel)


def check_size(wheel: Path) -> None:
    """Ends everything where a wheel is larger than what we promise."""
    size = wheel.stat().st_size
    if size >= LARGEST:
        told = f"{_in_words(size)}; {_in_words(LARGEST)} is the most"
        raise SystemExit(f"{wheel.name} has {told}")


def check_programs(wheel: Path) -> None:
    """Ends everything where a wheel with the engine of a GPU lacks the program that
    compiles beside it, or pip would install that as a file nobody may execute."""
    if not wheel.name.startswith(("neurenix_backend_cuda", "neurenix_backend_rocm")):
        return
    with zipfile.ZipFile(wheel) as archive:
        found = {Path(f.filename).name: f for f in archive.infolist()}
    program = found.get("phynexus_compile")
    if program is None or not program.external_attr >> 16 & 0o111:
        state = "lacks" if program is None else "has as no executable file"
        raise SystemExit(f"{wheel.name} {state} phynexus_compile")


def interpreters() -> list[Path]:
    """The first of each version that is found: on the PATH, or where pyenv keeps it."""
    homes = sorted((Path.home() / ".pyenv/versions").glob("*/bin"))
    found = []
    for version in VERSIONS:
        names = [shutil.which(f"python{version}")] if not homes else []
        names += [str(home / f"python{version}") for home in homes]
        names.append(shutil.which(f"python{version}"))
        there = [Path(name) for name in names if name and _is_whole(name)]
        if there:
            found.append(there[0])
    return found


def _is_whole(python: str) -> bool:
    command = [python, "-c", "import ensurepip, venv"]
    return (
        Path(python).exists()
        and not subprocess.run(command, capture_output=True).returncode
    )


def tried(python: Path, wheels: Sequence[Path]) -> Trial:
    """A fresh environment with all wheels, in which both programs run."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run([python, "-m", "venv", folder / "venv"])
        inside = folder / "venv/bin/python"
        env = without_compiler(folder)
        pip = [inside, "-m", "pip", "--disable-pip-version-check", "-q"]
        install = [*pip, "install", "--only-binary", ":all:"]
        run([*install, *required(wheels)], env=env, cwd=folder)
        also = []
        for wheel in sorted(set(wheels) - set(required(wheels))):
            if runs([*install, wheel], env=env, cwd=folder):
                also.append(wheel.name.split("-")[0])
            else:
                also.append(f"not {wheel.name.split('-')[0]}")
        run([*pip, "check"], env=env, cwd=folder)
        told = []
        for program in PROGRAMS:
            done = run([inside, "-W", "error", program], env=env, cwd=folder)
            told.append(done.strip().splitlines()[-1])
        version = run([inside, "-c", "import platform as p; print(p.python_version())"])
        numpy = run(
            [inside, "-c", "import numpy; print(numpy.__version__)"], cwd=folder
        )
        there = ["cpu", *(name.removeprefix("neurenix_backend_") for name in also)]
        for device in (name for name in there if " " not in name):
            # absent devices are none that fail
            run([inside.with_name("neurenix"), "doctor", device], env=env, cwd=folder)
    seconds = time.perf_counter() - start
    beside = ", ".join([f"NumPy {numpy.strip()}", *also])
    return Trial(version.strip(), seconds, beside, tuple(told))


def required(wheels: Sequence[Path]) -> list[Path]:
    """The wheels that `neurenix` requires, and itself; others bring further devices,
    whose own requirements are not to be had for every Python."""
    names = ("neurenix", "neurenix_core", "neurenix_backend_cpu", "neurenix_meta")
    return [wheel for wheel in wheels if wheel.name.split("-")[0] in names]


def without_compiler(folder: Path) -> dict[str, str]:
    """An environment in which no compiler, CMake or setting of ours is found."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "NEURENIX_", "CMAKE_", "CCACHE_"))
        and key not in ("CC", "CXX")
    }
    empty = folder / "bin"
    empty.mkdir()
    return {**kept, "PATH": str(empty), "CC": "false", "CXX": "false"}


def runs(command: Iterable[str | Path], cwd: Path, env: dict[str, str]) -> bool:
    """Whether a command succeeds."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr[-600:], file=sys.stderr)
    return done.returncode == 0


def run(
    command: Iterable[str | Path],
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> str:
    """What a command prints; it ends everything if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def size_table(files: Iterable[Path]) -> str:
    """Names and sizes, in Markdown."""
    rows = [f"| `{path.name}` | {_in_words(path.stat().st_size)} |" for path in files]
    return "\n".join(["| file | size |", "| --- | --- |", *rows])


def _in_words(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def trial_table(trials: Iterable[Trial]) -> str:
    names = [program.stem for program in PROGRAMS]
    rows = [
        f"| {t.python} | {t.packages} | {' | '.join(t.told)} | {t.seconds:.0f} s |"
        for t in trials
    ]
    head = f"| Python | with | {' | '.join(names)} | install and run |"
    return "\n".join([head, "| --- " * (3 + len(names)) + "|", *rows])


def write_down(page: Path, text: str) -> None:
    """Replaces what the page says that this program writes."""
    mark = "<!-- tools/dist.py writes this -->"
    before, found, _ = page.read_text(encoding="utf-8").partition(mark)
    if not found:
        raise SystemExit(f"{page} has no line {mark}")
    page.write_text(f"{before}{mark}\n\n{text}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="*", type=Path, help="default: all found")
    parser.add_argument("--output", type=Path, default=ROOT / "build/dist")
    parser.add_argument("--only-build", action="store_true")
    parser.add_argument("--only-try", action="store_true", help="of what was built")
    parser.add_argument("--document", action="store_true", help="in docs/releasing.md")
    chosen = parser.parse_args()
    output = chosen.output.resolve()
    if not chosen.only_try:
        build(output)
    files = sorted(output.glob("*"))
    tables = [size_table(files)]
    print(tables[0])
    if not chosen.only_build:
        pythons = chosen.pythons or interpreters()
        wheels = [path for path in files if path.suffix == ".whl"]
        trials = []
        for python in pythons:
            print(f"trying {python.name}", flush=True)
            trials.append(tried(python, wheels))
        tables.append(trial_table(trials))
        there = {re.sub(r"\.\d+$", "", trial.python) for trial in trials}
        lacking = [version for version in VERSIONS if version not in there]
        if lacking:
            tables.append(f"Not here, and so not tried: Python {', '.join(lacking)}.")
        print("\n".join(["", *tables[1:]]))
    if chosen.document:
        write_down(ROOT / "docs/releasing.md", "\n\n".join(tables))


if __name__ == "__main__":
    main()
