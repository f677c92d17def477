"""Tables for people: HTML for notebooks, data frames for pandas."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from types import ModuleType

from neurenix.errors import MissingPackageError
from neurenix.installing import how_to_install


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], below: str = ""
) -> str:
    """A table for a notebook, whose own style it takes; a line below it.

    >>> html_table(["a<b"], [["1"]], "two\\nlines").split("</thead>")[0]
    '<table><thead><tr><th>a&lt;b</th></tr>'
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    told = f"<p>{escape(below).replace(chr(10), '<br>')}</p>" if below else ""
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{told}"


def need_pandas() -> ModuleType:
    """The package pandas. Raises MissingPackageError where it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise MissingPackageError(
            f"to_pandas needs the package pandas ({error}); "
            + how_to_install("neurenix-meta", "pandas")
        ) from error
    return pandas
