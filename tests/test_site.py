"""The documentation's site: it builds strictly, and every public name is in it."""

import ast
import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed: the group docs")
pytest.importorskip("mkdocstrings", reason="mkdocstrings is not installed")
pytest.importorskip("jupytext", reason="jupytext is not installed")

import neurenix as nx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import docstrings  # noqa: E402
import hooks  # noqa: E402
import make_devices  # noqa: E402
import outputs  # noqa: E402
import reference  # noqa: E402


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_every_public_name_has_an_entry(site: Path) -> None:
    content = (site / "objects.inv").read_bytes()
    listed = zlib.decompress(content.split(b"zlib.\n")[1]).decode()
    there = {line.split(" ")[0] for line in listed.splitlines()}
    lacking = []
    for module in reference.modules().values():
        for name in reference.documented(module):
            # Where a module of its name hides it, by the place that defines it.
            value = getattr(module, name.rpartition(".")[2])
            hidden = name in sys.modules
            path = f"{value.__module__}.{value.__qualname__}" if hidden else name
            if path not in there:
                lacking.append(name)
    assert not lacking


def test_every_page_is_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        path = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f'href="{path}"' in home, path


def test_each_block_of_code_is_one(site: Path) -> None:
    """A fence that is not understood becomes text, and so does all up to the next."""
    for page in site.rglob("*.html"):
        assert "<p>```" not in page.read_text(encoding="utf-8"), page.name


def test_every_public_module_has_a_page() -> None:
    """What the roofs offer as modules is a page, or stands on another one."""
    there = {*reference.modules(), *reference.ELSEWHERE}
    for name, module in reference.modules().items():
        for part in reference.public_names(module):
            full = f"{name}.{part}"
            if full in sys.modules and isinstance(getattr(module, part), type(sys)):
                # Their names are the roof's.
                assert full in {*there, "neurenix.functions", "neurenix.meta"}, full


def test_values_are_listed(site: Path) -> None:
    page = (site / "reference/neurenix.html").read_text(encoding="utf-8")
    for name in ("float32", "pi", "newaxis"):
        assert f"<code>{name}</code>" in page


def test_each_tutorial_is_a_notebook_with_its_programs(site: Path) -> None:
    found = sorted(site.rglob("*.ipynb"))
    assert {path.stem for path in found} >= {"own-images", "maml", "frozen-features"}
    for path in found:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        page = ROOT / "docs" / path.relative_to(site).with_suffix(".md")
        blocks = re.findall(r"```python[^\n]*\n(.*?)```", page.read_text("utf-8"), re.S)
        programs = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        assert [p.strip() for p in programs] == [b.strip() for b in blocks], path
        for program in programs:
            ast.parse(program)
        html = path.with_suffix(".html").read_text(encoding="utf-8")
        assert f'href="{path.name}"' in html


def test_a_notebook_runs(site: Path, tmp_path: Path) -> None:
    """As Jupyter runs it: a kernel, a cell after another."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    markdown = (
        "# Title\n\n```python\nfrom neurenix.meta import History\n"
        "h = History.of({'loss': [1.0, 0.5]}, 2)\n```\n\n"
        '```text title="Output"\nx\n```\n\n```sh\nls\n```\n'
        "\n```python\nh\n```\n\n```python\nh.plot()\n```\n"
    )
    notebook = nbformat.reads(hooks.as_notebook(markdown), as_version=4)
    assert "ls" in notebook.cells[2]["source"]
    nbclient.NotebookClient(notebook, timeout=120).execute(cwd=str(tmp_path))
    _, table, picture = (c for c in notebook.cells if c["cell_type"] == "code")
    assert "<td>0.5</td>" in table.outputs[0]["data"]["text/html"]
    assert "image/png" in picture.outputs[0]["data"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One.  Two.", "One.  Two."),
        ("    U: a  b", "    U: a  b"),
        ("a   x\n    y\nbc  z\n\nEnd.", "\n- **`a`** — x y\n- **`bc`** — z\n\n\nEnd."),
        ("Args:\n    a: x\n    b  y", "Args:\n    a: x\n    b  y"),
    ],
)
def test_docstrings_become_markdown(text: str, expected: str) -> None:
    assert docstrings.as_markdown(text) == expected


def test_the_table_of_devices_is_what_the_devices_say() -> None:
    """After a change that is meant: python docs/make_devices.py."""
    kept = make_devices.kept()
    assert make_devices.PAGE.read_text("utf-8") == make_devices.page(kept)
    for name in ("cpu", "reference"):
        if nx.get_device_count(name):
            assert make_devices.described(name) == kept[name]


def test_a_program_gets_its_output_in_place_of_an_older_one() -> None:
    block = "```python\nprint(1 + 1)\n```\n"
    page = f"A\n\n{block}\nB\n\n```python\nx = 1\n```\n"
    once = outputs.with_outputs(page, {})
    assert once == page.replace(block, f'{block}\n```text title="Output"\n2\n```\n')
    assert outputs.with_outputs(once.replace("\n2\n", "\n3\n"), {}) == once
