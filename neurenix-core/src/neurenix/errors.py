"""Every error that Neurenix raises on purpose, by name.

Each is also the built-in error that a Python user would expect in its place, so
that `except ValueError` works as well as `except ShapeError`.
"""

from typing import Any


class NeurenixError(Exception):
    """The base of all of them."""


class InvalidArgumentError(NeurenixError, ValueError):
    """An argument has a value that the function cannot work with."""


class ShapeError(InvalidArgumentError):
    """Shapes do not go together; the message has the operation and all shapes."""


class DtypeError(NeurenixError, TypeError):
    """Dtypes do not go together, or the device lacks one."""


class DeviceError(NeurenixError, RuntimeError):
    """A device is unknown, absent or broken, or tensors live on different ones."""


class BackendError(DeviceError):
    """A backend failed, or two of them claim one device type."""


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


class NonFiniteError(NeurenixError, ArithmeticError):
    """Training met a NaN or an infinity; the last good state was kept."""


class DatasetError(NeurenixError, RuntimeError):
    """A data set is absent, incomplete or corrupt."""


class FileFormatError(NeurenixError, ValueError):
    """A file is not what it should be."""


class StorageError(NeurenixError, OSError):
    """A file cannot be read or written."""


class MissingPackageError(NeurenixError, ImportError):
    """Something optional needs a package that is not installed."""


class StepsInterrupted(KeyboardInterrupt):
    """Ctrl-C between two of several steps. State is that after the last step made;
    `results` are those of the `done` steps, as the call would have returned them."""

    def __init__(self, message: str, done: int, results: Any) -> None:
        super().__init__(message)
        self.done = done
        self.results = results
