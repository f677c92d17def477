"""Keys of values and of what holds some: numbers, tensors, containers, arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np

from ...tensor import Tensor
from ..cell import Cell
from .checks import frozen
from .objects import beside, type_key
from .walk import Path, Same, SameTensor, Walk

_KEPT = 4096  # bytes of an array that are kept as they are


def same_key(walk: Walk, value: Any, path: Path) -> Any:
    return Same(value)


def by_hash_key(walk: Walk, value: Any, path: Path) -> Any:
    return type(value), value


def cell_key(walk: Walk, cell: Cell, path: Path) -> Any:
    reduction = getattr(cell, "reduction", None)
    followed = cell._node is not None
    return SameTensor(cell), cell.type, cell._device, followed, reduction


def tensor_key(walk: Walk, x: Tensor, path: Path) -> Any:
    return SameTensor(x)


def numpy_scalar_key(walk: Walk, value: Any, path: Path) -> Any:
    return type(value), str(value.dtype), value.tobytes()


def enum_key(walk: Walk, value: Enum, path: Path) -> Any:
    kind = type_key(walk, type(value), path, creates=False)
    return Same(value), kind, walk.visit(value.value, (path, "'s value"))


def slice_key(walk: Walk, value: slice, path: Path) -> Any:
    ends = (value.start, value.stop, value.step)
    return slice, tuple([walk.visit(x, (path, "[…]")) for x in ends])


def items_key(walk: Walk, value: Any, path: Path) -> Any:
    items = tuple(value)
    if not isinstance(value, tuple):
        walk.checks.sequence(value, items)
    keys = [walk.visit(x, (path, f"[{i}]")) for i, x in enumerate(items)]
    return type(value), tuple(keys), *beside(walk, value, path)


def set_key(walk: Walk, value: Any, path: Path) -> Any:
    items = tuple(value)
    if type(value) is not frozenset:
        walk.checks.sequence(value, items)
    keys = frozenset([walk.visit(x, (path, "{…}")) for x in items])
    return type(value), keys, *beside(walk, value, path)


def dict_key(walk: Walk, value: Mapping[Any, Any], path: Path) -> Any:
    keys, values = value.keys(), value.values()
    if isinstance(value, dict):  # whatever a subclass makes of them
        keys, values = dict.keys(value), dict.values(value)
    before = tuple(keys)
    walk.checks.sequence(keys, before)
    walk.checks.sequence(values, tuple(values))
    pairs = [
        (walk.visit(k, (path, "'s keys")), walk.visit(v, (path, _index(k))))
        for k, v in zip(before, tuple(values), strict=True)
    ]
    return type(value), tuple(pairs), *beside(walk, value, path)


def array_key(walk: Walk, value: np.ndarray[Any, Any], path: Path) -> Any:
    if value.dtype.hasobject:
        items = tuple(value.ravel().tolist())
        walk.checks.objects(value, items)
        content: Any = tuple([walk.visit(x, (path, "[…]")) for x in items])
    else:
        content = value.tobytes()
        if not frozen(value):
            walk.checks.array(value, content)
        content = _digest(content)
    return type(value), str(value.dtype), value.shape, content


def bytes_key(walk: Walk, value: Any, path: Path) -> Any:
    content = bytes(value)
    walk.checks.bytes(value, content)
    return type(value), getattr(value, "typecode", ""), _digest(content)


def array_like_key(walk: Walk, value: Any, path: Path) -> Any:
    """An array of another library, by what NumPy reads of it."""
    found = np.array(value)
    walk.checks.array_like(value, found)
    return type(value), str(found.dtype), found.shape, _digest(found.tobytes())


def _index(key: Any) -> str:
    return f"[{key!r}]" if isinstance(key, (str, int)) else "[…]"


def _digest(content: bytes) -> bytes:
    return content if len(content) <= _KEPT else hashlib.sha256(content).digest()
