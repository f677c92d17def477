"""The command `neurenix`: `doctor`, and the commands that distributions add."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from .doctor import examine

__all__ = ["examine", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status.

    0     it did what was asked
    1     it could not: the error says why; `doctor`: a device is broken
    2     the command line, or a configuration file, is wrong; nothing was done
    130   Ctrl-C ended it

    A distribution adds a command by an entry point in the group `neurenix.commands`:
    its name is the command, its value a function with Typer's annotations, or a
    `typer.Typer` of several. Where Typer is not installed, `doctor` works alone.

    >>> main(["doctor", "--json", "reference"])  # doctest: +SKIP
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if find_spec("typer") is None:
        from . import without_typer

        return without_typer.run(given)
    from . import application

    return application.run(given)
