"""What an editor makes of the packages: Pylance and pyright find `neurenix.meta` and
its types, whether core and meta are installed from wheels or in place."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
import neurenix as nx
import neurenix.meta
from neurenix import meta
from neurenix.meta import MAML
from neurenix.meta.datasets import Omniglot

reveal_type(MAML)
reveal_type(meta.MAML)
reveal_type(nx.meta.MAML)
reveal_type(neurenix.meta.MAML)
reveal_type(neurenix.nn.Linear(1, 2))
reveal_type(nx.ones(2).mean())
nx.no_such_function
nx.ones(2).no_such_method()
"""
EXPECTED = ["type[MAML]"] * 4 + ["Linear", "Tensor"]


def build(package: str, mode: str, folder: Path) -> Path:
    """A wheel, or the wheel that an editable installation installs."""
    hook = "build_wheel" if mode == "wheel" else "build_editable"
    code = f"import hatchling.build as backend; backend.{hook}({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / package, check=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.parametrize(
    ("core", "meta"),
    [("editable", "editable"), ("wheel", "wheel"), ("wheel", "editable")],
)
def test_pyright_finds_meta(core: str, meta: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", venv], check=True, cwd=tmp_path
    )
    (packages,) = venv.glob("lib/python*/site-packages")
    for package, mode in (("neurenix-core", core), ("neurenix-meta", meta)):
        folder = tmp_path / package
        folder.mkdir()
        with zipfile.ZipFile(build(package, mode, folder)) as wheel:
            assert "neurenix/__init__.pyi" not in wheel.namelist()
            wheel.extractall(packages)
    project = tmp_path / "project"
    project.mkdir()
    (project / "program.py").write_text(PROGRAM, encoding="utf-8")
    python = str(venv / "bin/python")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", python]
    done = subprocess.run(
        [*command, "program.py"], cwd=project, capture_output=True, text=True
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [d["message"] for d in found if d["severity"] == "error"]
    assert len(errors) == 2, errors
    assert "no_such_function" in errors[0] and "no_such_method" in errors[1]
    types = [d["message"] for d in found if d["severity"] == "information"]
    assert [t.rpartition(" is ")[2].strip('"') for t in types] == EXPECTED
