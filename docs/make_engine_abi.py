"""Writes into docs/engine-abi.md what its programs print: each block of text is made
by the program or command above it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from neurenix.phynexus.structs import layout_text

PAGE = Path(__file__).with_name("engine-abi.md")
_PAIR = re.compile(r"(```(python|sh)\n([^`]*?)```\n\n)```text\n[^`]*```", re.S)


def printed(kind: str, program: str) -> str:
    if kind == "sh":
        assert program == "python -m neurenix.phynexus --layout\n"
        return layout_text()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program, str(PAGE), "exec"), {"__name__": "__main__"})
    return out.getvalue().rstrip()


def page() -> str:
    """The page as it should be."""
    return _PAIR.sub(
        lambda m: f"{m[1]}```text\n{printed(m[2], m[3])}\n```",
        PAGE.read_text(encoding="utf-8"),
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
