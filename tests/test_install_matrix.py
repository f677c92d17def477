"""Each package installs alone and with its siblings, as a wheel and in place."""

import json
import os
import subprocess
import sys
import zipfile
from itertools import product
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "core": ROOT / "neurenix-core",
    "meta": ROOT / "neurenix-meta",
    "cpu": ROOT / "neurenix-backend-cpu",
    "neurenix": ROOT,
}
MODES = ("wheel", "editable")
pytestmark = pytest.mark.slow

# What a fresh interpreter finds, printed as JSON.
LOOK = """
import json, sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from time import perf_counter

import numpy
start = perf_counter()
import neurenix as nx
milliseconds = round(1000 * (perf_counter() - start))
loaded = sorted(name for name in sys.modules if name.startswith("neurenix_backend"))
entries = [entry.name for entry in entry_points(group="neurenix.backends")]
has_meta = find_spec("neurenix.meta") is not None
if has_meta:
    import neurenix.meta
print(json.dumps({
    "milliseconds": milliseconds,
    "core": nx.__file__,
    "meta": neurenix.meta.__file__ if has_meta else None,
    "entries": entries,
    "loaded": loaded,
    "cpus": nx.get_device_count("cpu"),
}))
"""

COMPUTE = """
import neurenix as nx
assert (nx.tensor([1.0, 2.0]) * 3.0).tolist() == [3.0, 6.0]
print(nx.current_device())
"""


def run(*command: str | Path, cwd: Path) -> str:
    # Only what is installed counts: no PYTHONPATH, no settings of ours.
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "NEURENIX_"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pip(python: Path | str, *arguments: str | Path, cwd: Path) -> None:
    quiet = ("-q", "--disable-pip-version-check")
    run(python, "-m", "pip", *quiet, *arguments, cwd=cwd)


def look(python: Path, cwd: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(python, "-c", LOOK, cwd=cwd))
    print("import neurenix:", found["milliseconds"], "ms after NumPy")
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Each package as a wheel and as the wheel that an editable installation installs.

    Both are asked of the package's build backend, as pip does, but in this environment,
    where what the engine's build has compiled before is kept.
    """
    found = {}
    for (name, source), mode in product(PACKAGES.items(), MODES):
        settings = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))
        backend = settings["build-system"]["build-backend"]
        folder = tmp_path_factory.mktemp(f"{name}-{mode}")
        hook = "build_wheel" if mode == "wheel" else "build_editable"
        build = f"import {backend} as backend; backend.{hook}({str(folder)!r})"
        run(sys.executable, "-c", build, cwd=source)
        (found[name, mode],) = folder.glob("*.whl")
    return found


@pytest.mark.parametrize(("core", "meta"), list(product(MODES, MODES)))
def test_core_then_meta_then_cpu(
    core: str, meta: str, built: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    """One environment that grows; the CPU's package comes the way that core did."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"

    def install(name: str, mode: str) -> dict[str, Any]:
        pip(python, "install", built[name, mode], cwd=tmp_path)
        return look(python, tmp_path)

    def comes_from(file: str, mode: str) -> bool:
        return Path(file).is_relative_to(ROOT if mode == "editable" else tmp_path)

    found = install("core", core)
    assert comes_from(found["core"], core)
    assert (found["meta"], found["entries"], found["cpus"]) == (None, [], 0)

    found = install("meta", meta)
    assert comes_from(found["core"], core)
    assert comes_from(found["meta"], meta)
    assert found["entries"] == []

    found = install("cpu", core)
    assert found["entries"] == ["cpu"]
    assert found["loaded"] == [], "`import neurenix` must load no backend"
    assert found["cpus"] >= 1
    assert "cpu" in run(python, "-W", "error", "-c", COMPUTE, cwd=tmp_path)
    pip(python, "check", cwd=tmp_path)


def test_one_call(built: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """The README's way: everything in one pip call, so that `==` siblings resolve."""
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv/bin/python"
    wheels = [built[name, "wheel"] for name in ("core", "cpu", "meta")]
    everything = f"{built['neurenix', 'wheel']}[vision]"
    pip(python, "install", *wheels, everything, cwd=tmp_path)
    assert look(python, tmp_path)["cpus"] >= 1
    run(python, "-c", "import PIL", cwd=tmp_path)
    neurenix = tmp_path / "venv/bin/neurenix"
    assert "--method" in run(neurenix, "train", "--help", cwd=tmp_path)
    pip(python, "check", cwd=tmp_path)


def test_wheels_hold_what_they_should(built: dict[tuple[str, str], Path]) -> None:
    wheels = {name: built[name, "wheel"] for name in PACKAGES}
    names = {name: zipfile.ZipFile(path).namelist() for name, path in wheels.items()}
    shared = ("phynexus.h", "engine/api.cpp", "cmake/PhynexusConfig.cmake")
    assert {f"neurenix/phynexus/{name}" for name in shared} <= set(names["core"])
    assert "neurenix/meta/__init__.py" in names["meta"]
    assert "neurenix/__init__.py" not in names["meta"], "that file is core's"
    assert any("/datasets/splits/" in name for name in names["meta"])
    assert any("phynexus_cpu" in Path(name).name for name in names["cpu"])
    assert wheels["cpu"].name.split("-", 2)[2].startswith("py3-none-")
    for name in ("core", "meta", "cpu"):
        assert any(file.endswith("py.typed") for file in names[name]), name
        assert any(file.endswith("LICENSE") for file in names[name]), name
        assert not any("test_" in Path(file).name for file in names[name]), name
    assert all(".dist-info/" in file for file in names["neurenix"])
