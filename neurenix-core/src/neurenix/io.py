"""Saving and loading state: safetensors for the tensors, JSON for all else; never
pickle."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from .dtypes import as_dtype
from .errors import (
    DtypeError,
    FileFormatError,
    InvalidArgumentError,
    MissingPackageError,
    StorageError,
)
from .installing import how_to_install
from .tensor import Tensor, tensor

_KEY = "neurenix"  # of the JSON in the file's metadata
_DIGEST = "sha256"  # of that JSON and of all tensors
_FORMAT = 1
_SCALARS = (bool, int, float, type(None))
# Limits of readers: deeper trees and longer numbers end JSON parsers, and safetensors
# reads no longer header. Python converts integers of fewer digits under any limit.
_DEEPEST = 100
_INTEGER_BITS = 2000
_LONGEST_HEADER = 100_000_000
_RESERVED = "__metadata__"  # safetensors has no tensor of that name


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise MissingPackageError(
            f"saving and loading need the package safetensors ({error}); "
            + how_to_install("neurenix-core", "io")
        ) from error
    return safetensors


def save(state: Any, path: str | os.PathLike[str]) -> None:
    """Write a `state_dict`, or dicts, lists and tuples of them, to a file.

    state   tensors and arrays; numbers, strings, bools and None; nested in dicts (with
            strings as keys), lists and tuples
    path    where; the folder must exist. The file is written beside it and then
            renamed: a reader sees the old file or the whole new one, also after a power
            cut.

    What was saved loads as equal, arrays of either byte order and NumPy's scalars
    included. Any program that reads safetensors reads the tensors; those of a plain
    `state_dict` have its names.

    Raises InvalidArgumentError for what could not be loaded again (saying where it is),
    StorageError for a path that cannot be written, before anything is;
    MissingPackageError without safetensors.

    >>> import os, tempfile
    >>> import neurenix as nx
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> nx.save({"model": {"weight": nx.ones(2)}, "epoch": 3}, path)
    >>> nx.load(path)["epoch"], nx.load(path)["model"]["weight"].tolist()
    (3, [1.0, 1.0])
    """
    library = _safetensors()
    file = as_path("save", path)
    _check_target(file)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _described(state, (), arrays)
    text = json.dumps({"format": _FORMAT, "tree": tree})
    metadata = {_KEY: text, _DIGEST: _digest(text, arrays)}
    content: bytes = library.numpy.save(arrays, metadata)
    header = int.from_bytes(content[:8], "little")
    if header > _LONGEST_HEADER:
        raise InvalidArgumentError(
            f"save: all but the tensors takes {header:,} bytes, and safetensors reads "
            f"{_LONGEST_HEADER:,}; put long lists of numbers in arrays"
        )
    write_atomically(file, content)


def as_path(what: str, path: Any) -> Path:
    """Text, bytes or a path as a path; InvalidArgumentError for what is none."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise InvalidArgumentError(f"{what}: expected a path, not {path!r}") from None
    if not text:
        raise InvalidArgumentError(f"{what}: expected a path, not empty text")
    return Path(text)


def _digest(text: str, arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    """A digest of everything in a file, since the format itself would not notice a
    changed bit."""
    found = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        found.update(f"\n{name} {array.dtype.name} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _described(
    value: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray[Any, Any]]
) -> Any:
    """The tree as JSON; tensors go to `arrays` and are named in it."""
    where = ".".join(path) or "the state"
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        item = value.item()
        value = item if isinstance(item, _SCALARS) else value  # no longdouble is
    if isinstance(value, (Tensor, np.ndarray)):
        array = _native(value, where)
        name = base = ".".join(path) or "tensor"
        number = 1
        while name in arrays or name == _RESERVED:  # {"a.b": ..., "a": {"b": ...}}
            number += 1
            name = f"{base}#{number}"
        arrays[name] = array
        return {"tensor": name}
    if isinstance(value, int) and int(value).bit_length() > _INTEGER_BITS:
        raise InvalidArgumentError(
            f"save: {where} is an integer of {int(value).bit_length()} bits; "
            f"a file can hold {_INTEGER_BITS}"
        )
    if isinstance(value, _SCALARS):
        return {"value": value}
    if isinstance(value, str):
        return {"value": _text(value, where)}
    if isinstance(value, (dict, list, tuple)) and len(path) >= _DEEPEST:
        raise InvalidArgumentError(
            f"save: {where[:40]}… is nested more than {_DEEPEST} deep, or holds itself"
        )
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise InvalidArgumentError(
                    f"save: {where} has the key {key!r}; keys are strings"
                )
            _text(key, f"a key of {where}")
        return {
            "dict": {k: _described(v, (*path, k), arrays) for k, v in value.items()}
        }
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {
            kind: [_described(v, (*path, str(i)), arrays) for i, v in enumerate(value)]
        }
    hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
    raise InvalidArgumentError(
        f"save: {where} is a {type(value).__name__}, which no file can hold{hint}"
    )


def _native(value: Any, where: str) -> np.ndarray[Any, Any]:
    """A copy in rows and in this machine's byte order, of a dtype that loads again."""
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidArgumentError(
            f"save: {where} is a masked array, whose mask no file can hold; "
            "save .filled(value), and .mask beside it"
        )
    array = np.array(value.numpy() if isinstance(value, Tensor) else value, order="C")
    try:
        as_dtype(array.dtype)
        if not isinstance(value, Tensor):  # a tensor's dtype is one of its device
            tensor(np.zeros(0, array.dtype.newbyteorder("=")), dtype=array.dtype.name)
    except DtypeError as error:
        raise InvalidArgumentError(f"save: {where}: {error}") from None
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(
            f"save: {where} is {value!r}, which is no valid Unicode text: it has half "
            "of a surrogate pair"
        ) from None
    return value


def _check_target(path: Path) -> None:
    """Refuse a path that no file can be written to, before a byte is written."""
    shown = repr(str(path))[1:-1]
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.parent.exists():
            raise StorageError(
                f"save: cannot write {shown}: No such file or directory: make the "
                f"folder {path.parent} first"
            ) from None
        return
    except (OSError, ValueError) as error:  # ValueError: NUL, or half a surrogate pair
        reason = getattr(error, "strerror", None) or error
        long = isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG
        remedy = "; choose a shorter name" if long else ""
        raise StorageError(f"save: cannot write {shown}: {reason}{remedy}") from None
    if stat.S_ISDIR(mode):
        raise StorageError(
            f"save: cannot write {shown}: it is a directory; name a file in it"
        )
    if not stat.S_ISREG(mode):  # the new file would take the place of a device or pipe
        raise StorageError(f"save: cannot write {shown}: it is no regular file")


def write_atomically(path: Path, content: bytes) -> None:
    """The whole file or nothing. Raises StorageError."""
    _check_target(path)
    # Part of the name only: with what is added it must not be too long.
    start = f".{path.name[:40]}.{os.getpid()}-{os.urandom(4).hex()}"
    temporary = path.with_name(f"{start}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if os.name == "posix":  # the new name, too, outlives a power cut
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise StorageError(
            f"save: cannot write {path}: {error.strerror or error}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: str | os.PathLike[str], device: Any = None) -> Any:
    """What `save` wrote: the same dicts, lists and tuples, with tensors on `device`
    (the current one). Of a safetensors file from elsewhere, a dict of its tensors.

    Raises StorageError for a file that cannot be read, FileFormatError for one that is
    no safetensors file or is damaged (a file of `save` has a digest of all that it
    holds), DtypeError for dtypes that Neurenix has not.
    """
    library = _safetensors()
    path = as_path("load", path)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: no path can be like that
        shown = repr(str(path))[1:-1]
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"load: cannot read {shown}: {reason}") from error
    try:
        arrays = library.numpy.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    except (library.SafetensorError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"load: {path} is no safetensors file, or is damaged: {error}"
        ) from error
    if _DIGEST in metadata and metadata[_DIGEST] != _digest(
        metadata.get(_KEY, ""), arrays
    ):
        raise FileFormatError(
            f"load: {path} is damaged: it is not what was saved (its digest differs)"
        )
    tensors = {}
    for name, array in arrays.items():
        try:
            tensors[name] = tensor(array, dtype=as_dtype(array.dtype), device=device)
        except DtypeError as error:
            raise DtypeError(f"load: {name} in {path}: {error}") from None
    if _KEY not in metadata:
        return tensors
    try:
        described = json.loads(metadata[_KEY])
        if described["format"] != _FORMAT:
            raise FileFormatError(
                f"load: {path} has format {described['format']}; "
                f"this version of Neurenix reads format {_FORMAT}"
            )
        return _restored(described["tree"], tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"load: the description of the state in {path} is damaged: {error!r}"
        ) from error


def _restored(node: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "value":
        return value
    if kind == "dict":
        return {k: _restored(v, tensors) for k, v in value.items()}
    items = [_restored(v, tensors) for v in value]
    if kind not in ("list", "tuple"):
        raise ValueError(f"unknown kind {kind!r}")
    return items if kind == "list" else tuple(items)
