"""What flags of several commands mean: a word of several, unreadable images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from neurenix.errors import CommandLineError, DatasetError
from neurenix.keywords import alike


def one_of(flag: str, value: str, known: Iterable[str]) -> str:
    """The value; CommandLineError, with the nearest that there is, for another."""
    words = list(known)
    if value not in words:
        near = alike(value, words)
        meant = f"did you mean {' or '.join(near)}? There are" if near else "expected"
        raise CommandLineError(f"{flag} {value}; {meant} {', '.join(words)}")
    return value


@contextmanager
def naming_the_flag() -> Iterator[None]:
    """An image that cannot be read, which has a cause: the error names the flag that
    leaves it out."""
    try:
        yield
    except DatasetError as error:
        if error.__cause__ is None or isinstance(error.__cause__, ImportError):
            raise  # no folder, no classes, no Pillow
        told = error.__cause__ if isinstance(error.__cause__, DatasetError) else error
        raise DatasetError(f"{told}; --unreadable skip leaves it out") from error
