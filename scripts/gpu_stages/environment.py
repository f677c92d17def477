"""The environment that is checked: a virtual one over the machine's packages, with what
was carried there; core and meta where their sources lie, and engines built here."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "gpu-wheels"
SOURCES = [ROOT / package / "src" for package in ("neurenix-core", "neurenix-meta")]
# What the check cannot do without, as the packages ask for it, and what else it uses.
NEEDED = ("cffi>=1.16", "pluggy>=1.5", "pytest>=8.2", "scikit-build-core>=1.0")
USED = {
    "importlib-metadata>=6": "Python's own stands in",
    "pytest-xdist>=3.6": "one process runs the suite",
    "hypothesis>=6.100": "the suite's random part is skipped",
    "safetensors>=0.4": "--long is not possible",
}
# The bindings that core brings with it need nothing that cffi's own package needs.
ALONE = "cffi"

# Says which of the requirements in its arguments are not met.
LACKING = """
import sys
from importlib.metadata import PackageNotFoundError, version
from packaging.requirements import Requirement
for text in sys.argv[1:]:
    asked = Requirement(text)
    try:
        met = asked.specifier.contains(version(asked.name), prereleases=True)
    except PackageNotFoundError:
        met = False
    if not met:
        print(text)
"""
STAND_IN = """from importlib.metadata import *
from importlib.metadata import EntryPoint
"""

# Packages of the interpreter's own environment, should it be a virtual one.
PARENT = """
import sysconfig
print("\\n".join(dict.fromkeys(map(sysconfig.get_path, ("purelib", "platlib")))))
"""


def carry(python: str) -> int:
    """Downloads the wheels, for Python 3.12 on the machine with the GPU."""
    system = f"{platform.system()} {platform.machine()}"
    print(f"fetching wheels for Python 3.12 on {system}, and for no other", flush=True)
    command = [python, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    command += ["--python-version", "3.12", "--dest", str(WHEELS), *NEEDED, *USED]
    status = subprocess.call(command)
    if not status:
        files = sorted(WHEELS.glob("*.whl"))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} wheels, {size:.1f} MB in all: {WHEELS.relative_to(ROOT)}")
    return status


def nvidias(
    library: str, toolkits: Sequence[Path], packages: Sequence[Path]
) -> Path | None:
    """A library of a toolkit, wherever that keeps its libraries, else pip's."""
    places = [home / lib for home in toolkits for lib in ("lib64", "lib")]
    places += [lib for home in toolkits for lib in home.glob("targets/*/lib")]
    places += [folder / "nvidia" / "cu13" / "lib" for folder in packages]
    files = (place / library for place in places)
    return next((file for file in files if file.exists()), None)


def make(python: str, folder: Path) -> None:
    """The environment with what was carried, core and meta."""
    subprocess.run(
        [python, "-m", "venv", "--system-site-packages", "--without-pip", folder],
        check=True,
    )
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "parent.pth").write_text(said(python, "-c", PARENT))
    # their build tool may not be here; they come before what the machine may have
    (packages / "neurenix.pth").write_text("".join(f"{src}\n" for src in SOURCES))
    inside = str(folder / "bin" / "python")
    for wanted in said(inside, "-c", LACKING, *NEEDED, *USED).split():
        alone = ["--no-deps"] if wanted.startswith(ALONE) else []
        try:
            install(python, folder, "--find-links", str(WHEELS), *alone, wanted)
        except subprocess.CalledProcessError:
            if wanted in NEEDED:
                sys.exit(f"no {wanted} here: scripts/gpu_check.sh --carry")
            print(f"no {wanted}: {USED[wanted]}")
            if wanted.startswith("importlib-metadata"):
                (packages / "importlib_metadata.py").write_text(STAND_IN)


def said(*command: str) -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def build(python: str, folder: Path, package: str) -> None:
    """A package with an engine, built in a folder of its own: nothing is left of an
    earlier build, and none of the checkout's is touched."""
    place = folder.parent / f"build-{package}"
    install(python, folder, "--no-deps", "-C", f"build-dir={place}", f"./{package}")
    for library in place.glob("libphynexus_*.so"):
        print(f"{library.name} has {library.stat().st_size / 1e6:.1f} MB")


def install(python: str, folder: Path, *what: str) -> None:
    beside = f"{Path(python).parent}{os.pathsep}" if os.sep in python else ""
    subprocess.run(
        [
            *(python, "-m", "pip", "--disable-pip-version-check", "--quiet"),
            *("--python", str(folder / "bin" / "python"), "install"),
            *("--no-index", "--no-build-isolation", *what),
        ],
        env={**os.environ, "PATH": beside + os.environ["PATH"]},
        cwd=ROOT,
        check=True,
    )


if __name__ == "__main__":  # a stage: make, or build PACKAGE
    interpreter, environment, *packages = sys.argv[1:]
    try:
        if packages:
            build(interpreter, Path(environment), packages[0])
        else:
            make(interpreter, Path(environment))
            print("all that is needed is there")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}")
