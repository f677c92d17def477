"""Reductions over a set of axes, which disappear. `axes` is sorted and not negative.

Among equal values max, min and argmax take the first in row-major order, and their
derivative goes there alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, bool_, int32
from ..errors import DtypeError, ShapeError
from .base import (
    NotDifferentiable,
    Primitive,
    Shape,
    TensorType,
    Value,
    literal,
    ops,
    register,
    scalar_like,
    zeros,
)


def _check(name: str, x: Value, axes: tuple[int, ...], empty: bool) -> None:
    rank = len(x.shape)
    if any(not 0 <= a < rank for a in axes) or len(set(axes)) != len(axes):
        raise ShapeError(f"{name}: axes {axes} of a tensor of shape {x.shape}")
    if not empty and any(x.shape[a] == 0 for a in axes):
        raise ShapeError(
            f"{name}: nothing to choose from along axes {axes} of shape {x.shape}"
        )


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def with_ones(shape: Shape, axes: tuple[int, ...]) -> Shape:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def reduction(
    name: str,
    opcode: int,
    kernel: Callable[..., Any],
    vjp: Any,
    *,
    saves: str = "",
    kinds: str,
    result: Dtype | None = None,
    empty: bool = True,
) -> Primitive:
    allowed = kinds.split()

    def infer(types: Sequence[Value], axes: tuple[int, ...]) -> list[TensorType]:
        x = types[0]
        _check(name, x, axes, empty)
        if x.dtype.kind not in allowed:
            raise DtypeError(
                f"{name} takes {' or '.join(allowed)} tensors, not {x.dtype.name}"
            )
        return [TensorType(kept(x.shape, axes), result or x.dtype)]

    def reference(a: Any, axes: tuple[int, ...]) -> list[Any]:
        with np.errstate(all="ignore"):
            return [
                np.asarray(kernel(a, axes)).astype(
                    result.numpy if result else a.dtype, copy=False
                )
            ]

    def batch(
        values: Sequence[Any], flags: Sequence[bool], axes: tuple[int, ...]
    ) -> list[Any]:
        return [primitive(values[0], axes=tuple(a + 1 for a in axes))]

    primitive = Primitive(
        name, opcode, "reduction", infer, reference, vjp, batch, saves
    )
    return register(primitive)


def _sum_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axes: tuple[int, ...]
) -> list[Any]:
    x = inputs[0]
    return [
        ops.broadcast(ops.reshape(gs[0], shape=with_ones(x.shape, axes)), shape=x.shape)
    ]


def position(shape: Shape, axes: tuple[int, ...]) -> Any:
    """The row-major index within the reduced axes, of shape 1 along the others."""
    total, stride = None, 1
    for a in reversed(axes):
        ramp = ops.iota(
            shape=tuple(n if i == a else 1 for i, n in enumerate(shape)),
            axis=a,
            dtype=int32,
        )
        ramp = ramp if stride == 1 else ops.mul(ramp, literal(stride, int32))
        total = ramp if total is None else ops.add(ramp, total)
        stride *= shape[a]
    return total


def _choice_vjp(
    argument: Callable[[Any, tuple[int, ...]], Any],
) -> Callable[..., list[Any]]:
    def vjp(
        needed: Any, gs: Any, inputs: Any, outputs: Any, axes: tuple[int, ...]
    ) -> list[Any]:
        x = inputs[0]
        if not axes:
            return [gs[0]]
        ones = with_ones(x.shape, axes)
        chosen = ops.equal(
            position(x.shape, axes), ops.reshape(argument(x, axes), shape=ones)
        )
        return [
            ops.where(chosen, ops.reshape(gs[0], shape=ones), scalar_like(gs[0], 0))
        ]

    return vjp


sum_ = reduction(
    "sum", 70, lambda a, axes: a.sum(axes), _sum_vjp, kinds="float int uint"
)


def _shifted(x: Any, step: int) -> Any:
    """Along the last axis: element i − step (or i + |step|), 1 where there is none."""
    rank, n = len(x.shape), x.shape[-1]
    lead, none, ones = x.shape[:-1], (0,) * (rank - 1), (1,) * rank
    first, last = max(-step, 0), n - max(step, 0)
    cut = ops.slice(x, start=(*none, first), stop=(*lead, last), step=ones)
    return ops.pad(
        cut,
        low=(*none, max(step, 0)),
        high=(*none, max(-step, 0)),
        interior=(0,) * rank,
        value=1.0,
    )


def _beside(x: Any, direction: int) -> Any:
    """The product of all that stands before each element (1) or behind it (-1), in as
    many steps as doubling takes."""
    side, reach = _shifted(x, direction), 1
    while reach < x.shape[-1] - 1:
        side = ops.mul(side, _shifted(side, direction * reach))
        reach *= 2
    return side


def _prod_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axes: tuple[int, ...]
) -> list[Any]:
    """The product of all others, without a division, so that zeros do no harm."""
    x = inputs[0]
    if not axes or 0 in x.shape:
        return [gs[0] if not axes else zeros(x.shape, x.dtype)]
    order = (*(i for i in range(len(x.shape)) if i not in axes), *axes)
    moved = ops.transpose(x, permutation=order)
    lead = kept(x.shape, axes)
    row = ops.reshape(moved, shape=(*lead, math.prod(x.shape[a] for a in axes)))
    others = ops.mul(_beside(row, 1), _beside(row, -1))
    g = ops.mul(others, ops.reshape(gs[0], shape=(*lead, 1)))
    back = tuple(order.index(i) for i in range(len(order)))
    return [ops.transpose(ops.reshape(g, shape=moved.shape), permutation=back)]


prod = reduction(
    "prod",
    71,
    lambda a, axes: a.prod(axes),
    _prod_vjp,
    saves="i",
    kinds="float int uint",
)
max_ = reduction(
    "max",
    72,
    lambda a, axes: a.max(axes),
    _choice_vjp(lambda x, axes: ops.argmax(x, axes=axes)),
    saves="i",
    kinds="float int uint",
    empty=False,
)
min_ = reduction(
    "min",
    73,
    lambda a, axes: a.min(axes),
    _choice_vjp(lambda x, axes: ops.argmax(ops.neg(x), axes=axes)),
    saves="i",
    kinds="float int uint",
    empty=False,
)


def _argmax(a: Any, axes: tuple[int, ...]) -> Any:
    """The first NaN, else the first of the largest: NumPy's own order."""
    rest = [i for i in range(a.ndim) if i not in axes]
    flat = a.transpose(*rest, *axes).reshape(*(a.shape[i] for i in rest), -1)
    return flat.argmax(-1)


argmax = reduction(
    "argmax",
    74,
    _argmax,
    NotDifferentiable("it gives a position"),
    kinds="float int uint bool",
    result=int32,
    empty=False,
)
any_ = reduction(
    "any",
    75,
    lambda a, axes: a.any(axes),
    NotDifferentiable("bool"),
    kinds="bool",
    result=bool_,
)
all_ = reduction(
    "all",
    76,
    lambda a, axes: a.all(axes),
    NotDifferentiable("bool"),
    kinds="bool",
    result=bool_,
)
