"""Saving and loading state: safetensors for the tensors, JSON for all else; never
pickle."""

from __future__ import annotations

import hashlib
import json
import os
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
from .tensor import Tensor, tensor

_KEY = "neurenix"  # of the JSON in the file's metadata
_DIGEST = "sha256"  # of that JSON and of all tensors
_FORMAT = 1
_SCALARS = (bool, int, float, str, type(None))


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise MissingPackageError(
            f"saving and loading need the package safetensors ({error}); "
            'pip install "neurenix-core[io]"'
        ) from error
    return safetensors


def save(state: Any, path: str | os.PathLike[str]) -> None:
    """Write a `state_dict`, or dicts, lists and tuples of them, to a file.

    state   tensors and arrays; numbers, strings, bools and None; nested in dicts (with
            strings as keys), lists and tuples
    path    where; the folder must exist. The file is written beside it and then
            renamed: a reader sees the old file or the whole new one, also after a power
            cut.

    Any program that reads safetensors reads the tensors; those of a plain `state_dict`
    have its names.

    Raises InvalidArgumentError for what cannot be saved (saying where it is),
    StorageError for a path that cannot be written, MissingPackageError without
    safetensors.

    >>> import os, tempfile
    >>> import neurenix as nx
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> nx.save({"model": {"weight": nx.ones(2)}, "epoch": 3}, path)
    >>> nx.load(path)["epoch"], nx.load(path)["model"]["weight"].tolist()
    (3, [1.0, 1.0])
    """
    library = _safetensors()
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _described(state, (), arrays)
    text = json.dumps({"format": _FORMAT, "tree": tree})
    metadata = {_KEY: text, _DIGEST: _digest(text, arrays)}
    write_atomically(Path(path), library.numpy.save(arrays, metadata))


def _digest(text: str, arrays: dict[str, np.ndarray[Any, Any]]) -> str:
    """Of all that a file says: the format itself would not notice a changed bit."""
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
    if isinstance(value, (Tensor, np.ndarray)):
        array = np.array(
            value.numpy() if isinstance(value, Tensor) else value, order="C"
        )
        try:
            as_dtype(array.dtype)
        except DtypeError as error:
            raise InvalidArgumentError(f"save: {where}: {error}") from None
        name = base = ".".join(path) or "tensor"
        number = 1
        while name in arrays:  # {"a.b": ..., "a": {"b": ...}}
            number += 1
            name = f"{base}#{number}"
        arrays[name] = array
        return {"tensor": name}
    if isinstance(value, _SCALARS):
        return {"value": value}
    if isinstance(value, (np.bool_, np.integer, np.floating)):
        return {"value": value.item()}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise InvalidArgumentError(
                    f"save: {where} has the key {key!r}; keys are strings"
                )
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


def write_atomically(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        # The new file would take the place of a device or a pipe.
        raise StorageError(f"save: cannot write {path}: it is no regular file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
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
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"load: cannot read {path}: {error.strerror or error}"
        ) from error
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
