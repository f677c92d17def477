"""Shorthands that rules and decompositions are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dtypes import Dtype, float32
from .primitive import Shape, Value, literal, ops


def scalar_like(x: Value, value: float) -> Any:
    return literal(value, x.dtype)


def zeros(shape: Shape, dtype: Dtype) -> Any:
    zero = literal(0, dtype)
    return ops.broadcast(zero, shape=shape) if shape else zero


def move_axis(x: Any, source: int, target: int) -> Any:
    if source == target:
        return x
    order = [i for i in range(len(x.shape)) if i != source]
    order.insert(target, source)
    return ops.transpose(x, permutation=tuple(order))


def cut(x: Any, axis: int, start: int, stop: int) -> Any:
    """x[start:stop] along one axis."""
    low, high = [0] * len(x.shape), list(x.shape)
    low[axis], high[axis] = start, stop
    return ops.slice(x, start=tuple(low), stop=tuple(high), step=(1,) * len(low))


def in_float32(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A decomposition that works on half types in float32, as kernels do."""

    def widened(*inputs: Any, **params: Any) -> Any:
        narrow = inputs[0].dtype
        if not narrow.is_floating or narrow.itemsize > 2:
            return rule(*inputs, **params)
        wide = [ops.cast(x, dtype=float32) if x.dtype is narrow else x for x in inputs]
        outputs = rule(*wide, **params)
        if isinstance(outputs, list):
            return [
                ops.cast(o, dtype=narrow) if o.dtype is float32 else o for o in outputs
            ]
        return ops.cast(outputs, dtype=narrow)

    return widened
