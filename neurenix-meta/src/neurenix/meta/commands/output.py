"""What commands print: tables as wide as the terminal, whole lines elsewhere, JSON."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

_NO_TERMINAL = 10_000  # columns: lines of a file or a pipe are not broken


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output: on a terminal as wide as that, long cells on several
    lines; else a line a row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=_NO_TERMINAL, highlight=False).print(table)
    for line in text.getvalue().splitlines():
        typer.echo(line.rstrip())


def print_json(value: Any) -> None:
    """JSON on standard output; NaN and infinities, which it has not, are null."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """A line for people, on standard error."""
    typer.echo(text, err=True)


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
