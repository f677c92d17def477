"""Versions move in lock step, siblings are pinned, each package carries the licence."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from neurenix.phynexus import INCLUDE_DIR

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SHARED = ROOT / "neurenix-core/src/neurenix/phynexus"
FOLDERS = [ROOT, *sorted(p.parent for p in ROOT.glob("neurenix-*/pyproject.toml"))]


def read(folder: Path) -> dict[str, Any]:
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    project: dict[str, Any] = settings["project"]
    return project


VERSION = read(ROOT)["version"]
NAMES = {read(folder)["name"] for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_package(folder: Path) -> None:
    project = read(folder)
    assert project["version"] == VERSION
    assert project["requires-python"] == ">=3.10"
    extras = project.get("optional-dependencies", {}).values()
    for requirement in [*project["dependencies"], *(r for e in extras for r in e)]:
        name = re.match(r"[\w.-]+", requirement)
        assert name is not None
        if name[0] in NAMES:
            assert requirement.endswith(f"=={VERSION}"), requirement
        else:
            assert not name[0].startswith("neurenix"), f"{name[0]} does not exist"
    licence = (folder / "LICENSE").read_bytes()
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert (folder / "README.md").is_file()


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution of the engine."""
    build = pytest.importorskip(
        "scikit_build_core.build", reason="scikit-build-core is not installed"
    )
    folder = tmp_path_factory.mktemp("sdist")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT / "neurenix-backend-cpu")
        name = build.build_sdist(str(folder))
    with tarfile.open(folder / name) as packed:
        if sys.version_info >= (3, 12):
            packed.extractall(folder, filter="data")
        else:
            packed.extractall(folder)
    return folder / name.removesuffix(".tar.gz")


def test_the_sdist_of_the_engine_has_what_engines_share(sdist: Path) -> None:
    for name in ("phynexus.h", "engine/api.cpp", "cmake/PhynexusConfig.cmake"):
        assert (sdist / "include" / name).read_bytes() == (SHARED / name).read_bytes()
    assert not [path for path in sdist.rglob("*") if path.suffix in (".so", ".o")]


@pytest.mark.parametrize("source", ["tree", "sdist", "installed"])
def test_the_engine_finds_what_engines_share(
    source: str, sdist: Path, tmp_path: Path
) -> None:
    """In the repository, in its own sdist, else in the core that is installed."""
    cmake = Path(sys.executable).with_name("cmake")
    if not cmake.exists():
        pytest.skip("CMake is not installed")
    folder, expected = ROOT / "neurenix-backend-cpu", SHARED
    if source == "sdist":
        folder, expected = sdist, sdist / "include"
    elif source == "installed":
        folder, expected = tmp_path / "alone", INCLUDE_DIR
        shutil.copytree(sdist, folder, ignore=shutil.ignore_patterns("include"))
    done = subprocess.run(
        [
            cmake,
            "-G",
            "Ninja",
            f"-DCMAKE_MAKE_PROGRAM={cmake.with_name('ninja')}",
            f"-DPython_EXECUTABLE={sys.executable}",
            *("-S", folder, "-B", tmp_path / "build"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cache = (tmp_path / "build" / "CMakeCache.txt").read_text("utf-8")
    found = re.search(r"^Phynexus_DIR:\w+=(.*)$", cache, re.M)
    assert found is not None
    assert Path(found[1]).resolve() == (expected / "cmake").resolve()


def test_the_changelog_names_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{VERSION}]" in changelog or "## [Unreleased]" in changelog
