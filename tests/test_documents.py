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


DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]
PROGRAMS = [
    pytest.param(document, program, id=f"{document.relative_to(ROOT)}-{number}")
    for document in sorted(DOCUMENTS)
    for number, program in enumerate(
        re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.S)
    )
]


@pytest.mark.parametrize(("document", "program"), PROGRAMS)
def test_programs_in_documents(
    document: Path, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block by itself: whoever copies it has nothing else."""
    monkeypatch.chdir(tmp_path)  # some write files
    exec(compile(program, str(document), "exec"), {"__name__": "__main__"})


def test_links_in_documents_lead_somewhere() -> None:
    dead = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
        if "://" not in link and not (document.parent / link).exists()
    ]
    assert not dead, dead
