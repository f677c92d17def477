"""What the documents show runs: the programs in Markdown, the docstrings' examples."""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import neurenix as nx

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nx.__path__, "neurenix.")
    if not module.name.endswith(".__main__")
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def reference() -> Iterator[None]:
    """The device that everyone has."""
    nx.init({"device": "reference"})
    yield
    nx.init()


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", ["neurenix", *MODULES])
def test_examples_in_docstrings(name: str) -> None:
    module, told = importlib.import_module(name), io.StringIO()
    with contextlib.redirect_stdout(told):
        result = doctest.testmod(module, extraglobs={"nx": nx}, optionflags=FLAGS)
    assert result.failed == 0, told.getvalue()


DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
BLOCK = re.compile(r"```python(?: (?!notest)[^\n]*)?\n(.*?)```", re.S)
# Pages that are one program from top to bottom, as in their notebooks.
IN_ONE = {"maml.md"}
PROGRAMS = [
    pytest.param(document, program, id=f"{document.relative_to(ROOT)}-{number}")
    for document in sorted(DOCUMENTS)
    if document.name not in IN_ONE
    for number, program in enumerate(BLOCK.findall(document.read_text("utf-8")))
]
# Peers, which the pages show beside Neurenix, and no extra of ours brings.
PEERS = {"torch", "learn2learn", "jax", "tensorflow"}


@pytest.mark.parametrize(("document", "program"), PROGRAMS)
def test_programs_in_documents(
    document: Path, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block by itself: whoever copies it has nothing else."""
    for name in sorted(PEERS):
        if re.search(rf"^(import|from) {name}\b", program, re.M):
            pytest.importorskip(name, reason=f"{name} is not installed")
    monkeypatch.chdir(tmp_path)  # some write files
    exec(compile(program, str(document), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("name", sorted(IN_ONE))
def test_tutorials_are_programs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = ROOT / "docs/tutorials" / name
    names: dict[str, object] = {"__name__": "__main__"}
    monkeypatch.chdir(tmp_path)
    for program in BLOCK.findall(document.read_text("utf-8")):
        exec(compile(program, str(document), "exec"), names)
    assert list(tmp_path.glob("*.png"))


# Pages of the site that docs/hooks.py makes; its strict build looks after them.
GENERATED = re.compile(
    r"(\.\./)?(reference/.*|changelog|contributing)\.md|[\w-]+\.ipynb"
)


def test_links_in_documents_lead_somewhere() -> None:
    dead = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
        if "://" not in link
        and not GENERATED.match(link)
        and not (document.parent / link).exists()
    ]
    assert not dead, dead
