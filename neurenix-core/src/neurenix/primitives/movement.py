"""Movement: the same elements in another shape. Engines see strides, seldom copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import ShapeError
from .batching import batch_size as size_of_batch
from .batching import with_batch
from .broadcasting import broadcast_shapes, same_dtype, unbroadcast
from .primitive import (
    PLAIN,
    InBasis,
    Primitive,
    Shape,
    TensorType,
    Traits,
    Value,
    literal,
    ops,
    register,
)

VIEW = Traits(cost=None, view=True, free=True)


def movement(
    name: str,
    opcode: int,
    *,
    infer: Any,
    reference: Any,
    transpose: Any,
    batch: Any,
    decomposition: Callable[..., Any] | InBasis,
    traits: Traits,
) -> Primitive:
    """One input. transpose(cotangent, input type, **params): of the linear map."""

    def kernel(a: Any, **params: Any) -> list[Any]:
        return [np.asarray(reference(a, **params), order="C")]

    def vjp(
        needed: Any, gs: Any, inputs: Any, outputs: Any, **params: Any
    ) -> list[Any]:
        return [transpose(gs[0], inputs[0], **params)]

    def batched(values: Sequence[Any], flags: Any, **params: Any) -> list[Any]:
        return [batch(values[0], **params)]

    def typed(types: Sequence[Value], **params: Any) -> list[TensorType]:
        return [TensorType(infer(types[0].shape, **params), types[0].dtype)]

    return register(
        Primitive(
            name=name,
            opcode=opcode,
            family="movement",
            infer=typed,
            reference=kernel,
            vjp=vjp,
            batch=batched,
            decomposition=decomposition,
            traits=traits,
        )
    )


def _reshape_shape(old: Shape, shape: Shape) -> Shape:
    before, after = math.prod(old), math.prod(shape)
    if any(n < 0 for n in shape) or before != after:
        raise ShapeError(f"reshape: {old} has {before} elements, {shape} has {after}")
    return tuple(shape)


reshape = movement(
    "reshape",
    90,
    infer=_reshape_shape,
    reference=lambda a, shape: a.reshape(shape),
    transpose=lambda g, x, shape: ops.reshape(g, shape=x.shape),
    batch=lambda x, shape: ops.reshape(x, shape=(x.shape[0], *shape)),
    decomposition=InBasis("shapes"),
    traits=VIEW,
)


def _transpose_shape(old: Shape, permutation: Shape) -> Shape:
    if sorted(permutation) != list(range(len(old))):
        raise ShapeError(
            f"transpose: {permutation} is no permutation of the axes of shape {old}"
        )
    return tuple(old[p] for p in permutation)


def inverse(permutation: Shape) -> Shape:
    return tuple(int(i) for i in np.argsort(permutation)) if permutation else ()


transpose = movement(
    "transpose",
    91,
    infer=_transpose_shape,
    reference=lambda a, permutation: a.transpose(permutation),
    transpose=lambda g, x, permutation: ops.transpose(
        g, permutation=inverse(permutation)
    ),
    batch=lambda x, permutation: ops.transpose(
        x, permutation=(0, *(p + 1 for p in permutation))
    ),
    decomposition=InBasis("shapes"),
    traits=VIEW,
)


def _broadcast_shape(old: Shape, shape: Shape) -> Shape:
    if (
        len(shape) < len(old)
        or any(n < 0 for n in shape)
        or broadcast_shapes("broadcast", [old, shape]) != tuple(shape)
    ):
        raise ShapeError(
            f"broadcast: a tensor of shape {old} does not broadcast to {shape}"
        )
    return tuple(shape)


def _broadcast_batch(x: Any, shape: Shape) -> Any:
    missing = len(shape) - (len(x.shape) - 1)
    x = (
        ops.reshape(x, shape=(x.shape[0], *(1,) * missing, *x.shape[1:]))
        if missing
        else x
    )
    return ops.broadcast(x, shape=(x.shape[0], *shape))


broadcast = movement(
    "broadcast",
    92,
    infer=_broadcast_shape,
    reference=lambda a, shape: np.broadcast_to(a, shape),
    transpose=lambda g, x, shape: unbroadcast(g, x.shape),
    batch=_broadcast_batch,
    decomposition=InBasis("shapes"),
    traits=VIEW,
)


def _pad_shape(
    old: Shape, low: Shape, high: Shape, interior: Shape, value: float
) -> Shape:
    if (
        not len(low) == len(high) == len(interior) == len(old)
        or min((*low, *high, *interior, 0)) < 0
    ):
        raise ShapeError(
            f"pad: low {low}, high {high}, interior {interior} for shape {old}"
        )
    return tuple(
        lo + n + max(n - 1, 0) * between + hi
        for n, lo, hi, between in zip(old, low, high, interior, strict=True)
    )


def _pad(a: Any, low: Shape, high: Shape, interior: Shape, value: float) -> Any:
    out = np.full(_pad_shape(a.shape, low, high, interior, value), value, a.dtype)
    if a.size:
        out[padded_region(a.shape, low, interior)] = a
    return out


def padded_region(shape: Shape, low: Shape, interior: Shape) -> tuple[slice, ...]:
    """The region of the output in which pad puts its input."""
    return tuple(
        slice(lo, lo + (n - 1) * (between + 1) + 1 if n else lo, between + 1)
        for n, lo, between in zip(shape, low, interior, strict=True)
    )


def _pad_transpose(
    g: Any, x: Any, low: Shape, high: Shape, interior: Shape, value: float
) -> Any:
    cut = padded_region(x.shape, low, interior)
    return ops.slice(
        g,
        start=tuple(c.start for c in cut),
        stop=tuple(c.stop for c in cut),
        step=tuple(c.step for c in cut),
    )


pad = movement(
    "pad",
    93,
    infer=_pad_shape,
    reference=_pad,
    transpose=_pad_transpose,
    batch=lambda x, low, high, interior, value: ops.pad(
        x, low=(0, *low), high=(0, *high), interior=(0, *interior), value=value
    ),
    decomposition=InBasis("concat and windows are made of it"),
    traits=PLAIN,
)


def _slice_shape(old: Shape, start: Shape, stop: Shape, step: Shape) -> Shape:
    ok = len(start) == len(stop) == len(step) == len(old) and all(
        0 <= a <= b <= n and s > 0
        for a, b, s, n in zip(start, stop, step, old, strict=True)
    )
    if not ok:
        raise ShapeError(
            f"slice: start {start}, stop {stop}, step {step} of shape {old}"
        )
    return tuple(-(-(b - a) // s) for a, b, s in zip(start, stop, step, strict=True))


def _slice_transpose(g: Any, x: Any, start: Shape, stop: Shape, step: Shape) -> Any:
    reached = tuple(
        a + (n - 1) * s + 1 if n else a
        for a, n, s in zip(start, g.shape, step, strict=True)
    )
    return ops.pad(
        g,
        low=start,
        high=tuple(n - r for n, r in zip(x.shape, reached, strict=True)),
        interior=tuple(s - 1 for s in step),
        value=0.0,
    )


slice_ = movement(
    "slice",
    94,
    infer=_slice_shape,
    reference=lambda a, start, stop, step: a[
        tuple(slice(*c) for c in zip(start, stop, step, strict=True))
    ],
    transpose=_slice_transpose,
    batch=lambda x, start, stop, step: ops.slice(
        x, start=(0, *start), stop=(x.shape[0], *stop), step=(1, *step)
    ),
    decomposition=InBasis("windows are made of it"),
    traits=VIEW,
)


def _reversed(x: Any, axes: Shape) -> Any:
    """Each axis gathered from its end."""
    for axis in axes:
        n = x.shape[axis]
        if n > 1:
            ramp = ops.iota(shape=(n,), axis=0, dtype=int32)
            x = ops.gather(x, ops.sub(literal(n - 1, int32), ramp), axis=axis, batch=0)
    return x


flip = movement(
    "flip",
    95,
    infer=lambda old, axes: _transpose_shape(old, tuple(range(len(old)))),
    reference=lambda a, axes: np.flip(a, axes),
    transpose=lambda g, x, axes: ops.flip(g, axes=axes),
    batch=lambda x, axes: ops.flip(x, axes=tuple(a + 1 for a in axes)),
    decomposition=_reversed,
    traits=VIEW,
)


# ---- concat: the one with several inputs ---------------------------------------------


def _concat_infer(types: Sequence[Value], axis: int) -> list[TensorType]:
    dtype = same_dtype("concat", types)
    first = types[0].shape
    for t in types:
        if len(t.shape) != len(first) or any(
            a != b
            for i, (a, b) in enumerate(zip(t.shape, first, strict=True))
            if i != axis
        ):
            listed = ", ".join(str(x.shape) for x in types)
            raise ShapeError(
                f"concat along axis {axis}: the shapes {listed} differ in another axis"
            )
    total = sum(t.shape[axis] for t in types)
    return [TensorType((*first[:axis], total, *first[axis + 1 :]), dtype)]


def _concat_vjp(
    needed: Sequence[bool], gs: Any, inputs: Any, outputs: Any, axis: int
) -> list[Any]:
    cotangents, begin = [], 0
    shape = gs[0].shape
    for need, x in zip(needed, inputs, strict=True):
        end = begin + x.shape[axis]
        start, stop = [0] * len(shape), list(shape)
        start[axis], stop[axis] = begin, end
        cut = (
            ops.slice(
                gs[0], start=tuple(start), stop=tuple(stop), step=(1,) * len(shape)
            )
            if need
            else None
        )
        cotangents.append(cut)
        begin = end
    return cotangents


def _concat_batch(values: Sequence[Any], flags: Sequence[bool], axis: int) -> list[Any]:
    size = size_of_batch(values, flags)
    aligned = [with_batch(v, f, size) for v, f in zip(values, flags, strict=True)]
    return [ops.concat(*aligned, axis=axis + 1)]


def _concat_kernel(*arrays: Any, axis: int) -> list[Any]:
    return [np.concatenate(arrays, axis)]


def _side_by_side(*parts: Any, axis: int) -> Any:
    """Each padded to the whole length, and chosen where it stands."""
    shape = list(parts[0].shape)
    shape[axis] = length = sum(p.shape[axis] for p in parts)
    along = tuple(length if i == axis else 1 for i in range(len(shape)))
    whole, begin = None, 0
    for part in parts:
        n = part.shape[axis]
        if n == 0:
            continue
        low, high = [0] * len(shape), [0] * len(shape)
        low[axis], high[axis] = begin, length - begin - n
        padded = ops.pad(
            part,
            low=tuple(low),
            high=tuple(high),
            interior=(0,) * len(shape),
            value=0.0,
        )
        if whole is None:
            whole = padded
        else:
            place = ops.iota(shape=along, axis=axis, dtype=int32)
            whole = ops.where(ops.less(place, literal(begin, int32)), whole, padded)
        begin += n
    return parts[0] if whole is None else whole


concat = register(
    Primitive(
        name="concat",
        opcode=96,
        family="movement",
        infer=_concat_infer,
        reference=_concat_kernel,
        vjp=_concat_vjp,
        batch=_concat_batch,
        decomposition=_side_by_side,
        traits=PLAIN,
    )
)
