"""Every error that Neurenix raises on purpose, by name.

Each is also the built-in error that a Python user would expect in its place, so
that `except ValueError` works as well as `except ShapeError`.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from .callers import public_caller


class NeurenixError(Exception):
    """The base of all of them.

    A message that does not name the function which the user called gets its name at
    the end: one check serves many functions, and each of them names itself.

    >>> import neurenix as nx
    >>> try:
    ...     nx.trace(5.0)
    ... except nx.errors.ShapeError as error:
    ...     print(error)
    diagonal: a tensor of shape (); expected two axes (in trace)
    """

    _names_caller = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        plain = len(args) == 1 and isinstance(args[0], str)
        if plain and self._names_caller and " (in " not in args[0]:
            name = public_caller(sys._getframe(1))
            if name and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", args[0]):
                args = (f"{args[0]} (in {name})",)
        super().__init__(*args, **kwargs)


class InvalidArgumentError(NeurenixError, ValueError):
    """An argument has a value that the function cannot work with."""


class CallError(InvalidArgumentError, TypeError):
    """A function is called with an argument that it has not, or without one."""

    _names_caller = False  # the message does


class CommandLineError(InvalidArgumentError):
    """The arguments of the command `neurenix`, or its configuration file, are wrong;
    its exit status is 2."""

    _names_caller = False


class ShapeError(InvalidArgumentError):
    """Shapes do not go together; the message has the operation and all shapes."""


class IndexOutOfRangeError(InvalidArgumentError, IndexError):
    """An index or a mask does not fit the axes that it is for."""


class DtypeError(NeurenixError, TypeError):
    """Dtypes do not go together, or the device lacks one."""


class DeviceError(NeurenixError, RuntimeError):
    """A device is unknown, absent or broken, or tensors live on different ones."""


class BackendError(DeviceError):
    """A backend failed, or two of them claim one device type."""

    _names_caller = False  # it has nothing to do with what was called


class ExchangeError(NeurenixError, BufferError):
    """Memory cannot be shared with another library in the way that was asked for."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A device has not the memory that was asked for."""


class NotDifferentiableError(NeurenixError, TypeError):
    """A derivative was asked of something that has none."""


class NotBatchableError(NeurenixError, TypeError):
    """`vmap` met an operation that has no batch rule."""


class CaptureError(NeurenixError, RuntimeError):
    """A function cannot be captured as a program: the message says where and why."""


class ExportError(NeurenixError, RuntimeError):
    """A function cannot be exported: the message has operation, line, and why."""


class NonFiniteError(NeurenixError, ArithmeticError):
    """Training met a NaN or an infinity; the last good state was kept.

    `history` is what the run had recorded until then, of a learner's `meta_learn`.
    """

    history: Any = None


class DatasetError(NeurenixError, RuntimeError):
    """A data set is absent, incomplete or corrupt."""


class FileFormatError(NeurenixError, ValueError):
    """A file is not what it should be."""


class StorageError(NeurenixError, OSError):
    """A file cannot be read or written."""


class MissingPackageError(NeurenixError, ImportError):
    """Something optional needs a package that is not installed."""


class WorkerError(NeurenixError, RuntimeError):
    """Workers of a run over many processes are lost, or cannot be had: the message says
    which, where and by what. Of `meta_learn` the last good state was kept.

    `history` is as of `NonFiniteError`.
    """

    history: Any = None


class HeadLostError(WorkerError):
    """The head of the cluster is gone, and with it the way to new workers."""


class StepsInterrupted(KeyboardInterrupt):
    """Ctrl-C between two of several steps. State is that after the last step made;
    `results` are those of the `done` steps, as the call would have returned them."""

    def __init__(self, message: str, done: int, results: Any) -> None:
        super().__init__(message)
        self.done = done
        self.results = results
