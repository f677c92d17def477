"""Versions move in lock step, siblings are pinned, each package carries the licence."""

import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
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


def test_the_sdist_of_the_engine_has_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = pytest.importorskip(
        "scikit_build_core.build", reason="scikit-build-core is not installed"
    )
    monkeypatch.chdir(ROOT / "neurenix-backend-cpu")
    name = build.build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / name) as sdist:
        packed = sdist.extractfile(name.removesuffix(".tar.gz") + "/include/phynexus.h")
        assert packed is not None
        header = ROOT / "neurenix-core/src/neurenix/phynexus/phynexus.h"
        assert packed.read() == header.read_bytes()
        assert not [n for n in sdist.getnames() if n.endswith((".so", ".o"))]


def test_the_changelog_names_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{VERSION}]" in changelog or "## [Unreleased]" in changelog
