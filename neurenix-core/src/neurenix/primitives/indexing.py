"""Gather, and its transposes: reading and writing along one axis by index.

gather(x, index)   x [b.., p.., n, s..], index int32 [b.., i..] -> [b.., p.., i.., s..]
`axis` is the position of n in x; the first `batch` axes of x and index go together.
Indices are clamped to 0 .. n-1 (public functions check those that the host knows).
Where several updates meet, scatter keeps the last, and scatter_add adds in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import DtypeError, ShapeError
from .batching import batch_size, with_batch
from .broadcasting import same_dtype
from .primitive import (
    PLAIN,
    InBasis,
    Primitive,
    Shape,
    TensorType,
    Value,
    literal,
    ops,
    register,
)
from .shorthands import move_axis, scalar_like, zeros


def _gathered(name: str, x: Value, index: Value, axis: int, batch: int) -> Shape:
    if index.dtype is not int32:
        raise DtypeError(f"{name}: the index must be int32, not {index.dtype.name}")
    if not batch <= axis < len(x.shape) or x.shape[:batch] != index.shape[:batch]:
        raise ShapeError(
            f"{name}: axis {axis} and {batch} batch axes "
            f"for shapes {x.shape} and {index.shape}"
        )
    return (*x.shape[:axis], *index.shape[batch:], *x.shape[axis + 1 :])


def _gather_infer(types: Sequence[Value], axis: int, batch: int) -> list[TensorType]:
    x, index = types
    shape = _gathered("gather", x, index, axis, batch)
    if x.shape[axis] == 0 and 0 not in shape:
        raise ShapeError(
            f"gather: nothing to take along axis {axis} of shape {x.shape}"
        )
    return [TensorType(shape, x.dtype)]


def _scatter_infer(types: Sequence[Value], axis: int, batch: int) -> list[TensorType]:
    x, index, updates = types
    same_dtype("scatter", (x, updates))
    expected = _gathered("scatter", x, index, axis, batch)
    if updates.shape != expected:
        raise ShapeError(
            f"scatter: updates of shape {updates.shape}, "
            f"but the index asks for {expected}"
        )
    return [TensorType(x.shape, x.dtype)]


def _rows(x: Any, index: Any, axis: int, batch: int) -> Any:
    """Views of x and index, n first, for each batch element; and the way back."""
    lead = x.shape[:batch]
    for b in np.ndindex(*lead):
        yield (
            b,
            np.moveaxis(x[b], axis - batch, 0),
            np.clip(index[b], 0, max(x.shape[axis] - 1, 0)),
        )


def _gather(x: Any, index: Any, axis: int, batch: int) -> list[Any]:
    lead = x.shape[:batch]
    parts = [
        np.take(x[b], index[b], axis=axis - batch, mode="clip")
        for b in np.ndindex(*lead)
    ]
    shape = (*x.shape[:axis], *index.shape[batch:], *x.shape[axis + 1 :])
    return [np.asarray(parts, x.dtype).reshape(shape)]


def _scatter_with(add: bool) -> Any:
    def reference(x: Any, index: Any, updates: Any, axis: int, batch: int) -> list[Any]:
        out = np.array(x)
        width = index.ndim - batch
        for b, rows, clipped in _rows(out, index, axis, batch):
            u = np.moveaxis(
                updates[b], range(axis - batch, axis - batch + width), range(width)
            )
            for i in np.ndindex(*clipped.shape):
                if add:
                    rows[clipped[i]] += u[i]
                else:
                    rows[clipped[i]] = u[i]
        return [out]

    return reference


def _gather_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axis: int, batch: int
) -> list[Any]:
    x, index = inputs
    return [
        ops.scatter_add(zeros(x.shape, x.dtype), index, gs[0], axis=axis, batch=batch),
        None,
    ]


def _scatter_add_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axis: int, batch: int
) -> list[Any]:
    return [
        gs[0],
        None,
        ops.gather(gs[0], inputs[1], axis=axis, batch=batch) if needed[2] else None,
    ]


def _scatter_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, axis: int, batch: int
) -> list[Any]:
    x, index, updates = inputs
    g, cotangents = gs[0], [None, None, None]
    if needed[0]:
        nothing = zeros(updates.shape, updates.dtype)
        cotangents[0] = ops.scatter(g, index, nothing, axis=axis, batch=batch)
    if needed[2]:  # only the update that was kept gets a cotangent
        lead, rest = index.shape[:batch], index.shape[batch:]
        count = int(np.prod(rest, dtype=np.int64))
        order = ops.reshape(ops.iota(shape=(count,), axis=0, dtype=int32), shape=rest)
        order = ops.broadcast(order, shape=index.shape)
        slots = zeros((*lead, x.shape[axis]), int32)
        winners = ops.scatter(slots, index, order, axis=batch, batch=batch)
        kept = ops.equal(ops.gather(winners, index, axis=batch, batch=batch), order)
        ones = (*lead, *(1,) * (axis - batch), *rest, *(1,) * (len(x.shape) - axis - 1))
        taken = ops.gather(g, index, axis=axis, batch=batch)
        cotangents[2] = ops.where(
            ops.reshape(kept, shape=ones), taken, scalar_like(g, 0)
        )
    return cotangents


def _gather_batch(
    values: Sequence[Any], flags: Sequence[bool], axis: int, batch: int
) -> list[Any]:
    x, index = values
    if batch == 0 and not all(flags):
        if flags[0]:
            return [ops.gather(x, index, axis=axis + 1, batch=0)]
        return [move_axis(ops.gather(x, index, axis=axis, batch=0), axis, 0)]
    size = batch_size(values, flags)
    x, index = (with_batch(v, f, size) for v, f in zip(values, flags, strict=True))
    return [ops.gather(x, index, axis=axis + 1, batch=batch + 1)]


def _scatter_batch(name: str) -> Any:
    def batched(
        values: Sequence[Any], flags: Sequence[bool], axis: int, batch: int
    ) -> list[Any]:
        size = batch_size(values, flags)
        x, index, updates = values
        x, updates = with_batch(x, flags[0], size), with_batch(updates, flags[2], size)
        if batch == 0 and not flags[1]:
            return [ops.table[name](x, index, updates, axis=axis + 1, batch=0)]
        index = with_batch(index, flags[1], size)
        return [ops.table[name](x, index, updates, axis=axis + 1, batch=batch + 1)]

    return batched


def _last_of_each(x: Any, index: Any, updates: Any, axis: int, batch: int) -> Any:
    """Among the updates of one slot the last is found bit by bit of its number, the
    highest first: of those that are still in, the ones without the bit go if another
    has it. One count by slot for each bit."""
    lead, n = x.shape[:batch], x.shape[axis]
    count = int(np.prod(index.shape[batch:], dtype=np.int64))
    if count == 0 or n == 0:
        return x
    one, zero = literal(1, int32), literal(0, int32)
    flat = ops.reshape(index, shape=(*lead, count))
    number = ops.iota(shape=(*(1,) * batch, count), axis=batch, dtype=int32)
    slots = zeros((*lead, n), int32)

    def by_slot(values: Any) -> Any:
        return ops.scatter_add(slots, flat, values, axis=batch, batch=batch)

    left = ops.broadcast(one, shape=flat.shape)
    for bit in reversed(range((count - 1).bit_length())):
        has = ops.bitwise_and(ops.shift_right(number, literal(bit, int32)), one)
        with_bit = ops.mul(left, has)
        some = ops.gather(by_slot(with_bit), flat, axis=batch, batch=batch)
        left = ops.where(ops.greater(some, zero), with_bit, left)
    chosen = by_slot(ops.mul(left, ops.add(number, one)))  # 0 where there is none
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    place = ops.sub(chosen, one)
    new = ops.gather(ops.reshape(updates, shape=shape), place, axis=axis, batch=batch)
    along = (*lead, *(1,) * (axis - batch), n, *(1,) * (len(x.shape) - axis - 1))
    there = ops.reshape(ops.greater(chosen, zero), shape=along)
    return ops.where(there, new, x)


gather = register(
    Primitive(
        name="gather",
        opcode=100,
        family="indexing",
        traits=PLAIN,
        infer=_gather_infer,
        reference=_gather,
        vjp=_gather_vjp,
        batch=_gather_batch,
        decomposition=InBasis("reading by index"),
        saves="i",
    )
)
scatter = register(
    Primitive(
        name="scatter",
        opcode=101,
        family="indexing",
        traits=PLAIN,
        infer=_scatter_infer,
        reference=_scatter_with(False),
        vjp=_scatter_vjp,
        batch=_scatter_batch("scatter"),
        decomposition=_last_of_each,
        saves="i",
    )
)
scatter_add = register(
    Primitive(
        name="scatter_add",
        opcode=102,
        family="indexing",
        traits=PLAIN,
        infer=_scatter_infer,
        reference=_scatter_with(True),
        vjp=_scatter_add_vjp,
        batch=_scatter_batch("scatter_add"),
        decomposition=InBasis("writing by index"),
        saves="i",
    )
)
