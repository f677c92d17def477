"""What a release needs beside the code: versions that agree, files that parse."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: the group docs")

import neurenix as nx  # noqa: E402

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("dist", ROOT / "tools/dist.py")
assert spec is not None and spec.loader is not None
dist = importlib.util.module_from_spec(spec)
sys.modules["dist"] = dist  # dataclasses look there
spec.loader.exec_module(dist)


def test_the_citation_names_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == nx.__version__
    assert cited["license"] == "Apache-2.0" and cited["cff-version"] == "1.2.0"


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")),
    ids=lambda p: p.stem,
)
def test_issue_forms_have_what_a_form_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form["blank_issues_enabled"] is True
        return
    assert form["name"] and form["description"]
    fields = [part["id"] for part in form["body"]]
    assert len(set(fields)) == len(fields)
    assert all(part["attributes"]["label"] for part in form["body"])


def test_every_package_is_built_core_first() -> None:
    folders = dist.packages()
    assert folders[0].name == "neurenix-core" and folders[-1] == ROOT
    there = {path.parent for path in ROOT.glob("neurenix-*/pyproject.toml")}
    assert set(folders) == {*there, ROOT}


def test_each_program_is_tried_without_a_compiler(tmp_path: Path) -> None:
    env = dist.without_compiler(tmp_path)
    for name in ("c++", "g++", "cc", "gcc", "clang", "cmake", "ninja"):
        assert shutil.which(name, path=env["PATH"]) is None
    assert [path.stem for path in dist.PROGRAMS] == ["maml", "prototypical"]


def test_tables(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(bytes(1_500_000))
    (tmp_path / "b.whl").write_bytes(bytes(2_000))
    text = dist.size_table(sorted(tmp_path.glob("*.whl")))
    assert text.splitlines()[2:] == ["| `a.whl` | 1.50 MB |", "| `b.whl` | 2 kB |"]
    row = dist.trial_table([dist.Trial("3.12.1", 61.2, "NumPy 2.4", ("x", "y"))])
    assert row.splitlines()[-1] == "| 3.12.1 | NumPy 2.4 | x | y | 61 s |"


def test_what_was_tried_is_written_below_its_mark(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "A\n\n<!-- tools/dist.py writes this -->\n\nold\n", encoding="utf-8"
    )
    dist.write_down(page, "new")
    assert page.read_text("utf-8").endswith("writes this -->\n\nnew\n")
    with pytest.raises(SystemExit, match="no line"):
        dist.write_down(ROOT / "LICENSE", "x")
