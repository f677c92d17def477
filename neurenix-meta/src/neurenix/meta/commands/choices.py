"""A flag that takes one of a few words."""

from __future__ import annotations

from collections.abc import Iterable

from neurenix.errors import CommandLineError
from neurenix.keywords import alike


def one_of(flag: str, value: str, known: Iterable[str]) -> str:
    """The value; CommandLineError, with the nearest that there is, for another."""
    words = list(known)
    if value not in words:
        near = alike(value, words)
        meant = f"did you mean {' or '.join(near)}? There are" if near else "expected"
        raise CommandLineError(f"{flag} {value}; {meant} {', '.join(words)}")
    return value
