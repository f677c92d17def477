"""Helpers of batch rules: the size of the batch, and every value with its axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .primitive import ops


def with_batch(x: Any, flag: bool, size: int) -> Any:
    """x with a leading batch axis, broadcast if it has none."""
    return x if flag else ops.broadcast(x, shape=(size, *x.shape))


def batch_size(values: Sequence[Any], flags: Sequence[bool]) -> int:
    return int(next(v.shape[0] for v, f in zip(values, flags, strict=True) if f))
