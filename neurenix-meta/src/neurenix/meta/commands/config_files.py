"""Configuration files: settings as TOML, read with the line of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError

from neurenix.errors import CommandLineError
from neurenix.io import write_atomically
from neurenix.keywords import alike

from .settings import FIELDS, Settings, check, check_options

_END = "\0"  # as the parser of TOML has it


def write(path: Path, settings: Settings) -> None:
    """A file that `read` gives the same settings of; StorageError if it cannot be."""
    document = tomlkit.document()
    document.add(tomlkit.comment("neurenix train --config " + path.name))
    values = settings.by_name
    options = values.pop("options")
    for name, value in values.items():
        document.add(tomlkit.comment(FIELDS[name].metadata["help"]))
        document.add(name, value)
    if options:
        document.add(tomlkit.nl())
        document.add("options", options)
    write_atomically(path, tomlkit.dumps(document).encode())


def read(path: Path) -> dict[str, Any]:
    """The settings that a file has, by name.

    Raises CommandLineError with file and line for what is no TOML, for a key that is no
    setting (and the nearest that is one) and for a value that cannot be.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandLineError(f"{path} cannot be read: {error}") from None
    try:
        found = tomlkit.parse(text).unwrap()
    except ParseError as error:
        raise CommandLineError(f"{path}:{error.line}: no TOML: {_why(error)}") from None
    for name, value in found.items():
        with_line = _Line(path, text, (name,))
        if name not in FIELDS:
            near = alike(name.replace("-", "_"), FIELDS)
            meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise with_line.error(
                f"no setting {name!r}{meant or '; there are ' + ', '.join(FIELDS)}"
            )
        with_line.checked(check, name, value)
    method = found.get("method", FIELDS["method"].default)
    for name in found.get("options", {}):
        with_line = _Line(path, text, ("options", name))
        with_line.checked(check_options, method, {name: found["options"][name]})
    return found


def _why(error: ParseError) -> str:
    """What is wrong with a document; its parser tells the end as a character."""
    if repr(_END) in str(error):
        return "the file ends within an array or a table: close its bracket"
    return str(error)


class _Line:
    """Where a key stands, looked for only if something is wrong with it."""

    def __init__(self, path: Path, text: str, keys: tuple[str, ...]) -> None:
        self.path, self.text, self.keys = path, text, keys

    def checked(self, check: Any, *arguments: Any) -> None:
        try:
            check(*arguments)
        except ValueError as error:
            raise self.error(str(error)) from None

    def error(self, told: str) -> CommandLineError:
        return CommandLineError(f"{self.path}:{line_of(self.text, self.keys)}: {told}")


def line_of(text: str, keys: tuple[str, ...]) -> int:
    r"""The line, from 1, on which the key of a table of a document stands: the table's
    own, where it is written within one line.

    >>> line_of('ways = 5\n[options]\nsteps = 1\n', ("options", "steps"))
    3
    """
    tables = list(keys[:-1])
    here: list[str] = []
    best = 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            here = [part.strip(" \"'") for part in header[1].split(".")]
            if here == list(keys):
                return number
        name = re.match(r"\s*(\"[^\"]*\"|'[^']*'|[^=#]+?)\s*=", line)
        path = (
            [*here, *(part.strip(" \"'") for part in name[1].split("."))]
            if name
            else []
        )
        if path == list(keys):
            return number
        if tables and path[: len(tables)] == tables:
            best = number
    return best


def option(text: str) -> tuple[str, Any]:
    """NAME=VALUE of a flag: a value as TOML has it, or a text without quotes.

    >>> option("inner_lr=0.4"), option("inner_optimizer=adam")
    (('inner_lr', 0.4), ('inner_optimizer', 'adam'))
    """
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandLineError(f"--option {text}; expected NAME=VALUE")
    try:
        return name.strip(), tomlkit.value(value.strip()).unwrap()
    except (ParseError, ValueError):
        return name.strip(), value


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of several sources, the later ones first; options one by one."""
    found: dict[str, Any] = {"options": {}}
    for layer in layers:
        options = {**found["options"], **layer.get("options", {})}
        found.update(layer, options=options)
    return found
