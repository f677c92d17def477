"""What the documents show runs: the README's programs, the docstrings' examples."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import neurenix

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(neurenix.__path__, "neurenix.")
    if not module.name.endswith(".__main__")
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", ["neurenix", *MODULES])
def test_examples_in_docstrings(name: str) -> None:
    module, known = importlib.import_module(name), {"nx": neurenix}
    result = doctest.testmod(module, extraglobs=known, optionflags=FLAGS)
    assert result.failed == 0, f"{result.failed} examples of {name} failed: see above"


def programs(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S)


def test_the_first_program_of_the_readme() -> None:
    (program,) = programs(ROOT / "README.md")
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})


def test_the_program_of_the_page_on_profiling() -> None:
    (program,) = programs(ROOT / "docs/profiling.md")
    exec(compile(program, "profiling.md", "exec"), {"__name__": "__main__"})


def test_links_in_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")]
    dead = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in documents
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
        if "://" not in link and not (document.parent / link).exists()
    ]
    assert not dead, dead
