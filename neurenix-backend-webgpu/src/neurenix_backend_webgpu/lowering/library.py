"""The WGSL functions of the package, and the text of those that a module needs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Declaration(NamedTuple):
    """A function, structure or constant, and the names of others that it uses."""

    text: str
    needs: tuple[str, ...]


_START = re.compile(r"^(?:fn|struct|const|var<workgroup>) (\w+)", re.M)
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")


@cache
def declarations() -> dict[str, Declaration]:
    """Everything that the files of wgsl/ declare, by name."""
    texts: dict[str, str] = {}
    for file in sorted(_files(), key=lambda f: f.name):
        text = re.sub(r"[ \t]*//.*", "", file.read_text(encoding="utf-8"))
        starts = list(_START.finditer(text))
        ends = [m.start() for m in starts[1:]] + [len(text)]
        for match, end in zip(starts, ends, strict=True):
            name = match[1]
            if name in texts:
                raise ValueError(f"{file.name} declares {name} a second time")
            texts[name] = text[match.start() : end].strip()
    return {
        name: Declaration(text, tuple(_used(text, texts) - {name}))
        for name, text in texts.items()
    }


def with_library(body: str) -> str:
    """A module's own text behind all that it uses of the library.

    >>> print(with_library("let nan = isnan(x);"))
    fn isnan(x: u32) -> bool { return (x & 0x7fffffffu) > 0x7f800000u; }
    let nan = isnan(x);
    """
    return "\n".join([*needed(_used(body, declarations())), body])


def needed(names: Iterable[str]) -> list[str]:
    """The texts of these declarations and of what they use, used ones first."""
    found: dict[str, str] = {}

    def visit(name: str) -> None:
        if name not in found:
            declaration = declarations()[name]
            for used in sorted(declaration.needs):
                visit(used)
            found[name] = declaration.text

    for name in sorted(names):
        visit(name)
    return list(found.values())


def _used(text: str, names: Iterable[str]) -> set[str]:
    return set(_NAME.findall(text)).intersection(names)


def _files() -> list[Path]:
    return list(Path(__file__).parents[1].joinpath("wgsl").glob("*.wgsl"))
