"""Turns an exception of a backend's own code into a BackendError."""

from __future__ import annotations

from typing import NoReturn

from ..errors import BackendError, NeurenixError, OutOfMemoryError


def raise_failure(what: str, error: Exception) -> NoReturn:
    """BackendError (OutOfMemoryError for a MemoryError) that says what failed, with
    `error` as its cause; an error of Neurenix's own goes on as it is.

    >>> raise_failure("mychip:0: tanh", OSError("no answer"))
    Traceback (most recent call last):
    neurenix.errors.BackendError: mychip:0: tanh raised OSError: no answer
    """
    if isinstance(error, NeurenixError):
        raise error
    kind = OutOfMemoryError if isinstance(error, MemoryError) else BackendError
    cause = f"{type(error).__name__}: {error}".rstrip(": ")
    raise kind(f"{what} raised {cause}") from error
