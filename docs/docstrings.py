"""Makes Markdown of docstrings: aligned tables become lists, examples become blocks.

A griffe extension. Docstrings here are written to be read in a terminal:

    steps    of adaptation; a description may
             go on in a further line

and have examples with `>>>` anywhere. Sections such as `Args:` are left to the parser.
"""

import re
from collections.abc import Iterator
from typing import Any

import griffe

# Two or more spaces between what is described and its description.
ENTRY = re.compile(r"(?P<indent> *)(?P<name>\S+(?: \S+)*?) {2,}(?P<text>\S.*)")
SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Source|Example)s?:$")


class Docstrings(griffe.Extension):
    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """The docstring with lists and fenced examples.

    >>> print(as_markdown("Adds.\\n\\na   one\\n    number\\n\\n>>> 1 + 1\\n2"))
    Adds.
    <BLANKLINE>
    - **`a`** — one number
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    return "\n".join(_converted(text.splitlines()))


def _converted(lines: list[str]) -> Iterator[str]:
    number, section = 0, False
    while number < len(lines):
        line = lines[number]
        if SECTION.match(line.strip()) and not line.startswith(" "):
            section = True
        elif section and line and not line.startswith(" "):
            section = False
        if line.lstrip().startswith(">>>"):
            end = _end_of_example(lines, number)
            indent = " " * (len(line) - len(line.lstrip()))
            yield f"{indent}```pycon"
            yield from (re.sub(r" *# doctest:.*", "", x) for x in lines[number:end])
            yield f"{indent}```"
            number = end
        elif not section and ENTRY.fullmatch(line) and not _prose(line):
            end = _end_of_table(lines, number)
            yield ""
            yield from _as_list(lines[number:end])
            yield ""
            number = end
        else:
            yield line
            number += 1


def _prose(line: str) -> bool:
    """Whether the two spaces are between sentences, or in a formula."""
    found = ENTRY.fullmatch(line)
    assert found is not None
    name = found["name"]
    if line.startswith("    "):  # a block of code, or a formula
        return True
    return name.endswith((".", ":")) or len(name) > 40 or bool(set("=←;") & set(name))


def _end_of_example(lines: list[str], start: int) -> int:
    end = start
    while end < len(lines) and lines[end].strip():
        end += 1
    return end


def _end_of_table(lines: list[str], start: int) -> int:
    """After the last line of a table: entries, and lines that are indented deeper."""
    found = ENTRY.fullmatch(lines[start])
    assert found is not None
    depth, end = len(found["indent"]), start + 1
    while end < len(lines):
        line = lines[end]
        deeper = len(line) - len(line.lstrip()) > depth
        entry = ENTRY.fullmatch(line)
        same = entry is not None and len(entry["indent"]) == depth
        if not line.strip():
            after = lines[end + 1] if end + 1 < len(lines) else ""
            if not after.startswith(" " * (depth + 1)):
                return end
        elif not deeper and not same:
            return end
        end += 1
    return end


def _as_list(table: list[str]) -> Iterator[str]:
    first = ENTRY.fullmatch(table[0])
    assert first is not None
    depth = len(first["indent"])
    entries: list[tuple[str, list[str]]] = []
    for line in table:
        entry = ENTRY.fullmatch(line)
        if entry is not None and len(entry["indent"]) == depth:
            entries.append((entry["name"], [entry["text"]]))
        else:
            entries[-1][1].append(line.strip())
    for name, texts in entries:
        yield f"{' ' * depth}- **`{name}`** — {' '.join(x for x in texts if x)}"
