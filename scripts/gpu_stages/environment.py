"""The environment that is checked: a virtual one over the machine's packages, with what
was carried there, and Neurenix built from this checkout."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "gpu-wheels"
# What the packages need beside what the machine has, and what builds and tests them.
CARRIED = (
    *("cffi", "importlib-metadata", "safetensors", "tqdm"),
    *("hatchling", "hypothesis", "pytest-xdist"),
)

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
    command += ["--python-version", "3.12", "--dest", str(WHEELS), *CARRIED]
    status = subprocess.call(command)
    if not status:
        files = sorted(WHEELS.glob("*.whl"))
        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{len(files)} wheels, {size:.1f} MB in all: {WHEELS.relative_to(ROOT)}")
    return status


def nvrtc(toolkits: Sequence[Path], packages: Sequence[Path]) -> Path | None:
    """NVRTC of a toolkit, wherever that keeps its libraries, else pip's."""
    places = [home / lib for home in toolkits for lib in ("lib64", "lib")]
    places += [lib for home in toolkits for lib in home.glob("targets/*/lib")]
    places += [folder / "nvidia" / "cu13" / "lib" for folder in packages]
    files = (place / "libnvrtc.so.13" for place in places)
    return next((file for file in files if file.exists()), None)


def make(python: str, folder: Path) -> None:
    """The environment with what was carried, core and meta."""
    subprocess.run(
        [python, "-m", "venv", "--system-site-packages", "--without-pip", folder],
        check=True,
    )
    parent = subprocess.run(
        [python, "-c", PARENT], check=True, capture_output=True, text=True
    ).stdout
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "parent.pth").write_text(parent)
    install(python, folder, "--find-links", str(WHEELS), *CARRIED)
    install(python, folder, "--no-deps", "./neurenix-core", "./neurenix-meta")


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
            print("core and meta are installed")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}")
