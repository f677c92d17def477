"""Checks that operands broadcast and have one dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dtypes import Dtype
from ..errors import DtypeError, ShapeError
from .primitive import Shape, Value, ops


def broadcast_shapes(name: str, shapes: Sequence[Shape]) -> Shape:
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    # not NumPy's, which refuses shapes for their size
    result = [1] * max(map(len, shapes))
    for shape in shapes:
        for at, n in enumerate(shape, len(result) - len(shape)):
            if result[at] != n and n != 1:
                if result[at] != 1:
                    listed = " and ".join(map(str, shapes))
                    raise ShapeError(
                        f"{name}: shapes {listed} do not broadcast; "
                        "aligned at the right, each axis must be equal or 1"
                    )
                result[at] = n
    return tuple(result)


def same_dtype(name: str, types: Sequence[Value]) -> Dtype:
    dtype = types[0].dtype
    for t in types[1:]:
        if t.dtype is not dtype:
            listed = " and ".join(t.dtype.name for t in types)
            raise DtypeError(f"{name}: the dtypes are {listed}; cast one of them")
    return dtype


def unbroadcast(g: Any, shape: Shape) -> Any:
    """Sum a cotangent over the axes that broadcasting added or stretched."""
    if g.shape == shape:
        return g
    lead = len(g.shape) - len(shape)
    stretched = tuple(
        i for i, n in enumerate(shape, lead) if n == 1 and g.shape[i] != 1
    )
    g = ops.sum(g, axes=tuple(range(lead)) + stretched)
    return g if g.shape == shape else ops.reshape(g, shape=shape)
