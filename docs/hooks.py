"""What mkdocs makes beside the pages that are written: the API reference, a notebook of
each tutorial, the changelog; and the navigation of pages that nobody lists."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import jupytext
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
import reference  # noqa: E402

# Of the repository's root, on the site.
_LINES = re.S | re.M
_PYTHON = "---\njupyter:\n  jupytext:\n    main_language: python\n---\n\n"
FROM_ROOT = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}


def on_startup(**_: Any) -> None:
    """One folder with core and meta: griffe finds no package that lies in two."""
    folder = ROOT / "build/types-of-site/neurenix"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    core = ROOT / "neurenix-core/src/neurenix"
    for path in (*core.iterdir(), ROOT / "neurenix-meta/src/neurenix/meta"):
        if path.name not in ("__init__.py", "__pycache__"):
            (folder / path.name).symlink_to(path)
    roof = (core / "__init__.py").read_text(encoding="utf-8")
    lines = [line for line in roof.splitlines() if not line.startswith("__path__")]
    (folder / "__init__.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = reference.pages()
    for name, path in FROM_ROOT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        made[path] = text.replace("](docs/", "](")
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    for file in list(files.documentation_pages()):
        if file.src_uri in tutorials(config) and "```python" in file.content_string:
            notebook = as_notebook(file.content_string)
            path = file.src_uri.removesuffix(".md") + ".ipynb"
            files.append(File.generated(config, path, content=notebook))
    config.nav = _with_folders(config.nav, files)
    listed = re.findall(r"[\w./-]+\.md", repr(config.nav))
    pages = sorted(file.src_uri for file in files.documentation_pages())
    more = [path for path in pages if path not in listed]
    if more:  # no page is lost because nobody gave it a line
        config.nav.append({"More": more})
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Links to the root's documents, and the notebook of a tutorial."""
    markdown = _without_marks(markdown)
    for name, path in FROM_ROOT.items():
        markdown = markdown.replace(f"](../{name}", f"]({path}")
    if (
        "/" not in page.file.src_uri
    ):  # other files of the repository: what they are called
        markdown = re.sub(r"\[([^]]+)\]\(\.\./[^)]+\)", r"\1", markdown)
    if page.file.src_uri in tutorials(config) and "```python" in markdown:
        notebook = Path(page.file.src_uri).with_suffix(".ipynb").name
        title, _, rest = markdown.partition("\n")
        markdown = f"{title}\n\n[This page as a notebook]({notebook})\n{rest}"
    return markdown


def _without_marks(markdown: str) -> str:
    """Blocks of Python without what stands behind the language, for the tests alone:
    the site takes such a line for text, and the page from there to the next block."""
    return re.sub(r"^```python .*?$", "```python", markdown, flags=re.M)


def as_notebook(markdown: str) -> str:
    """A Jupyter notebook of a page: a cell for each block of Python, without outputs
    that the page shows. Blocks of other languages stay text."""
    text = _without_marks(markdown)
    text = re.sub(r'^```text title="Output"\n.*?^```\n', "", text, flags=_LINES)
    text = re.sub(
        r"^```(?!python)(\w+)\n(.*?)^```$", r"~~~\1\n\2~~~", text, flags=_LINES
    )
    notebook = jupytext.reads(f"{_PYTHON}{text}", fmt="md")
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return str(jupytext.writes(notebook, fmt="ipynb"))


def tutorials(config: MkDocsConfig) -> list[str]:
    """The pages below "Tutorials", each of which is a notebook too."""
    (found,) = (item["Tutorials"] for item in config.nav or [] if "Tutorials" in item)
    return [path for page in found for path in page.values()]


def _with_folders(nav: Any, files: Files) -> Any:
    """The navigation, in which the name of a folder stands for its pages."""
    if isinstance(nav, list):
        return [_with_folders(item, files) for item in nav]
    if not isinstance(nav, dict):
        return nav
    (title, inner), *_ = nav.items()
    if isinstance(inner, str) and inner.endswith("/"):
        pages = [f.src_uri for f in files.documentation_pages()]
        mine = [path for path in pages if path.startswith(inner)]
        return {
            title: sorted(mine, key=lambda path: (not path.endswith("index.md"), path))
        }
    return {title: _with_folders(inner, files)}
