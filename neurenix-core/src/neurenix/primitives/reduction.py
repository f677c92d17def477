"""Reductions over a set of axes, which disappear. `axes` is sorted and not negative.

Among equal values max, min and argmax take the first in row-major order, and their
derivative goes there alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, bool_, int32, uint8
from ..errors import DtypeError, ShapeError
from .primitive import (
    InBasis,
    NotDifferentiable,
    Primitive,
    Shape,
    TensorType,
    Traits,
    Value,
    literal,
    ops,
    register,
)
from .shorthands import cut, in_float32, scalar_like, zeros


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
    decomposition: Callable[..., Any] | InBasis,
    saves: str = "",
    kinds: str,
    result: Dtype | None = None,
    empty: bool = True,
    associative: bool = True,
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
        half = a.dtype.kind in "fV" and a.dtype.itemsize == 2  # reduced in float32
        with np.errstate(all="ignore"):
            reduced = np.asarray(kernel(a.astype(np.float32) if half else a, axes))
            return [reduced.astype(result.numpy if result else a.dtype, copy=False)]

    def batch(
        values: Sequence[Any], flags: Sequence[bool], axes: tuple[int, ...]
    ) -> list[Any]:
        return [primitive(values[0], axes=tuple(a + 1 for a in axes))]

    primitive = Primitive(
        traits=Traits(cost=None, associative=associative),
        name=name,
        opcode=opcode,
        family="reduction",
        infer=infer,
        reference=reference,
        vjp=vjp,
        batch=batch,
        decomposition=decomposition,
        saves=saves,
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
    "sum",
    70,
    lambda a, axes: a.sum(axes),
    _sum_vjp,
    kinds="float int uint",
    decomposition=InBasis("the other reductions are made of it"),
)


def shifted(x: Any, step: int, fill: float) -> Any:
    """Along the last axis: element i − step (or i + |step|), `fill` where there is
    none."""
    rank, n = len(x.shape), x.shape[-1]
    lead, none, ones = x.shape[:-1], (0,) * (rank - 1), (1,) * rank
    first, last = max(-step, 0), n - max(step, 0)
    cut = ops.slice(x, start=(*none, first), stop=(*lead, last), step=ones)
    return ops.pad(
        cut,
        low=(*none, max(step, 0)),
        high=(*none, max(-step, 0)),
        interior=(0,) * rank,
        value=fill,
    )


def _beside(x: Any, direction: int) -> Any:
    """The product of all that stands before each element (1) or behind it (-1), in as
    many steps as doubling takes."""
    side, reach = shifted(x, direction, 1.0), 1
    while reach < x.shape[-1] - 1:
        side = ops.mul(side, shifted(side, direction * reach, 1.0))
        reach *= 2
    return side


def _as_rows(x: Any, axes: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """The reduced axes merged into the last one, and the order of the axes."""
    order = (*(i for i in range(len(x.shape)) if i not in axes), *axes)
    count = math.prod(x.shape[a] for a in axes)
    moved = ops.transpose(x, permutation=order)
    return ops.reshape(moved, shape=(*kept(x.shape, axes), count)), order


def _halving(combine: Callable[[Any, Any], Any], overlap: bool) -> Callable[..., Any]:
    """A reduction by combining two halves, and so on. Of an odd count both halves take
    the middle (where combining a value with itself does no harm), or one gets a 1."""

    def rule(x: Any, axes: tuple[int, ...]) -> Any:
        row, _ = _as_rows(x, axes)
        last = len(row.shape) - 1
        if row.shape[-1] == 0:  # only a product is made of nothing
            return ops.broadcast(scalar_like(x, 1), shape=row.shape[:-1])
        while (n := row.shape[-1]) > 1:
            half = (n + 1) // 2
            if n % 2 and not overlap:
                row = ops.pad(
                    row,
                    low=(0,) * (last + 1),
                    high=(*(0,) * last, 1),
                    interior=(0,) * (last + 1),
                    value=1.0,
                )
                n += 1
            row = combine(cut(row, last, 0, half), cut(row, last, n - half, n))
        return ops.reshape(row, shape=row.shape[:-1])

    return rule


def _prod_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axes: tuple[int, ...]
) -> list[Any]:
    """The product of all others, without a division, so that zeros do no harm."""
    x = inputs[0]
    if not axes or 0 in x.shape:
        return [gs[0] if not axes else zeros(x.shape, x.dtype)]
    row, order = _as_rows(x, axes)
    others = ops.mul(_beside(row, 1), _beside(row, -1))
    g = ops.mul(others, ops.reshape(gs[0], shape=(*row.shape[:-1], 1)))
    back = tuple(order.index(i) for i in range(len(order)))
    moved = tuple(x.shape[i] for i in order)
    return [ops.transpose(ops.reshape(g, shape=moved), permutation=back)]


prod = reduction(
    "prod",
    71,
    lambda a, axes: a.prod(axes),
    _prod_vjp,
    saves="i",
    kinds="float int uint",
    decomposition=in_float32(_halving(lambda a, b: ops.mul(a, b), overlap=False)),
)
max_ = reduction(
    "max",
    72,
    lambda a, axes: a.max(axes),
    _choice_vjp(lambda x, axes: ops.argmax(x, axes=axes)),
    saves="i",
    kinds="float int uint",
    empty=False,
    decomposition=_halving(lambda a, b: ops.maximum(a, b), overlap=True),
)
min_ = reduction(
    "min",
    73,
    lambda a, axes: a.min(axes),
    _choice_vjp(lambda x, axes: ops.argmax(ops.neg(x), axes=axes)),
    saves="i",
    kinds="float int uint",
    empty=False,
    decomposition=_halving(lambda a, b: ops.minimum(a, b), overlap=True),
)


def _argmax(a: Any, axes: tuple[int, ...]) -> Any:
    """The first NaN, else the first of the largest: NumPy's own order."""
    rest = [i for i in range(a.ndim) if i not in axes]
    count = math.prod(a.shape[i] for i in axes)  # not -1, where a shape has a 0
    flat = a.transpose(*rest, *axes).reshape(*kept(a.shape, axes), count)
    return flat.argmax(-1)


def _first_largest(x: Any, axes: tuple[int, ...]) -> Any:
    if not axes:
        return zeros(x.shape, int32)
    x = ops.cast(x, dtype=uint8) if x.dtype is bool_ else x
    ones = with_ones(x.shape, axes)
    hit = ops.equal(x, ops.reshape(ops.max(x, axes=axes), shape=ones))
    if x.dtype.is_floating:
        hit = ops.bitwise_or(hit, ops.not_equal(x, x))
    behind = literal(math.prod(x.shape[a] for a in axes), int32)
    return ops.min(ops.where(hit, position(x.shape, axes), behind), axes=axes)


def _count(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.sum(ops.cast(x, dtype=int32), axes=axes)


def _any(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.greater(_count(x, axes), literal(0, int32))


def _all(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.equal(_count(ops.logical_not(x), axes), literal(0, int32))


argmax = reduction(
    "argmax",
    74,
    _argmax,
    NotDifferentiable("it gives a position"),
    kinds="float int uint bool",
    result=int32,
    empty=False,
    associative=False,
    decomposition=_first_largest,
)
any_ = reduction(
    "any",
    75,
    lambda a, axes: a.any(axes),
    NotDifferentiable("bool"),
    kinds="bool",
    result=bool_,
    decomposition=_any,
)
all_ = reduction(
    "all",
    76,
    lambda a, axes: a.all(axes),
    NotDifferentiable("bool"),
    kinds="bool",
    result=bool_,
    decomposition=_all,
)
