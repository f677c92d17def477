"""Control: primitives that hold programs (regions), and two that only stand in the way.

call(*inputs)      runs `body` once.
map(*inputs)       runs `body` for each index of the leading axis of the mapped inputs;
                   outputs are stacked, or summed in a fixed order. Iterations are
                   independent. At most `chunk` run at once (0: the engine's choice).
scan(*inputs)      consts, first carries, xs -> last carries, ys, and every iteration's
                   carries before it (which the derivative reads).

A body is a closed program: whatever it uses comes in by its inputs. What is done *to*
a program (differentiating, batching) is done by the layers above, through `regions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np

from ..errors import ShapeError
from .base import (
    Primitive,
    TensorType,
    Value,
    batch_size,
    move_axis,
    ops,
    register,
    with_batch,
    zeros,
)


class RegionTransforms(Protocol):
    def capture(self, key: Any, function: Any, types: Sequence[TensorType]) -> Any:
        """The program of function(*values) -> values; memoised by `key`."""

    def reverse(
        self, body: Any, needed: tuple[bool, ...], present: tuple[bool, ...]
    ) -> tuple[Any, tuple[bool, ...]]:
        """(inputs, present cotangents of outputs) -> cotangents of the needed inputs,
        as a program; and for each input whether it has one (else it is zero)."""

    def batched(self, body: Any, flags: tuple[bool, ...], size: int) -> Any:
        """The program over a batch: a leading axis for flagged inputs, all outputs."""


regions: list[RegionTransforms] = []


def set_region_transforms(transforms: RegionTransforms) -> None:
    regions[:] = [transforms]


def _check(
    name: str, expected: Sequence[TensorType], found: Sequence[TensorType]
) -> None:
    if list(expected) != list(found):
        raise ShapeError(
            f"{name}: the body takes {list(expected)}, it was given {list(found)}"
        )


def _present(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


def _spread(values: Sequence[Any], flags: Sequence[bool]) -> list[Any]:
    rest = iter(values)
    return [next(rest) if f else None for f in flags]


# ---- call ----------------------------------------------------------------------------


def _call_infer(types: Sequence[Value], body: Any) -> list[TensorType]:
    _check("call", body.input_types, [TensorType(t.shape, t.dtype) for t in types])
    return list(body.output_types)


def _call_vjp(
    needed: Sequence[bool], gs: Sequence[Any], inputs: Any, outputs: Any, body: Any
) -> list[Any]:
    present = tuple(g is not None for g in gs)
    program, produced = regions[0].reverse(body, tuple(needed), present)
    if "remat" in body.notes:  # what is computed again must not meet the first time
        inputs = [ops.barrier(x) for x in inputs]
    return _spread(ops.call(*inputs, *_present(gs), body=program), produced)


def _call_batch(values: Sequence[Any], flags: Sequence[bool], body: Any) -> Any:
    return ops.call(
        *values, body=regions[0].batched(body, tuple(flags), batch_size(values, flags))
    )


call = register(
    Primitive(
        "call",
        120,
        "control",
        _call_infer,
        lambda *a, body: body.evaluate(a),
        _call_vjp,
        _call_batch,
        "i",
        many=True,
    )
)


# ---- map -----------------------------------------------------------------------------


def _map_infer(
    types: Sequence[Value],
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[TensorType]:
    for t, m in zip(types, mapped, strict=True):
        if m and (not t.shape or t.shape[0] != iterations):
            raise ShapeError(
                f"map: a mapped input of shape {t.shape}; "
                f"its leading axis must be {iterations}"
            )
    _check(
        "map",
        body.input_types,
        [
            TensorType(t.shape[1:] if m else t.shape, t.dtype)
            for t, m in zip(types, mapped, strict=True)
        ],
    )
    return [
        t if s else TensorType((iterations, *t.shape), t.dtype)
        for t, s in zip(body.output_types, summed, strict=True)
    ]


def fixed_tree_sum(terms: Sequence[Any]) -> Any:
    """The sum in the order that every engine keeps: equal-sized neighbours merge, as in
    a binary counter; what is left at the end merges from the top down."""
    stack: list[tuple[int, Any]] = []
    for term in terms:
        size = 1
        while stack and stack[-1][0] == size:
            size, term = 2 * size, stack.pop()[1] + term
        stack.append((size, term))
    total = stack.pop()[1]
    while stack:
        total = stack.pop()[1] + total
    return total


def _map_reference(
    *arrays: Any,
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[Any]:
    rows = [
        body.evaluate([a[i] if m else a for a, m in zip(arrays, mapped, strict=True)])
        for i in range(iterations)
    ]
    outputs = []
    for k, (t, s) in enumerate(zip(body.output_types, summed, strict=True)):
        column = [row[k] for row in rows]
        empty = np.zeros(t.shape if s else (0, *t.shape), t.dtype.numpy)
        outputs.append(
            empty
            if not column
            else np.asarray(fixed_tree_sum(column) if s else np.stack(column))
        )
    return outputs


def _map_vjp(
    needed: Sequence[bool],
    gs: Sequence[Any],
    inputs: Any,
    outputs: Any,
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[Any]:
    present = tuple(g is not None for g in gs)
    program, produced = regions[0].reverse(body, tuple(needed), present)
    stacked = tuple(not s for s, p in zip(summed, present, strict=True) if p)
    results = ops.map(
        *inputs,
        *_present(gs),
        body=program,
        iterations=iterations,
        mapped=(*mapped, *stacked),
        summed=tuple(not m for m, p in zip(mapped, produced, strict=True) if p),
        chunk=chunk,
    )
    return _spread(results, produced)


def _map_batch(
    values: Sequence[Any],
    flags: Sequence[bool],
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[Any]:
    inner = [
        move_axis(v, 1, 0) if f and m else v
        for v, f, m in zip(values, flags, mapped, strict=True)
    ]
    program = regions[0].batched(body, tuple(flags), batch_size(values, flags))
    outputs = ops.map(
        *inner,
        body=program,
        iterations=iterations,
        mapped=mapped,
        summed=summed,
        chunk=chunk,
    )
    return [
        o if s else move_axis(o, 1, 0) for o, s in zip(outputs, summed, strict=True)
    ]


map_ = register(
    Primitive(
        "map",
        122,
        "control",
        _map_infer,
        _map_reference,
        _map_vjp,
        _map_batch,
        "i",
        many=True,
    )
)


def batch_by_map(
    primitive: Primitive,
    values: Sequence[Any],
    flags: Sequence[bool],
    params: dict[str, Any],
) -> list[Any]:
    """The batch rule of what has no better one: a map over the batch."""
    types = [
        TensorType(v.shape[1:] if f else v.shape, v.dtype)
        for v, f in zip(values, flags, strict=True)
    ]
    key = (primitive, tuple(sorted(params.items())), tuple(types))
    body = regions[0].capture(key, lambda *xs: [primitive(*xs, **params)], types)
    return list(
        ops.map(
            *values,
            body=body,
            iterations=batch_size(values, flags),
            mapped=tuple(flags),
            summed=(False,),
            chunk=0,
        )
    )


# ---- scan ----------------------------------------------------------------------------


def _scan_infer(
    types: Sequence[Value],
    body: Any,
    length: int,
    consts: int,
    carries: int,
    reverse: bool,
) -> list[TensorType]:
    for t in types[consts + carries :]:
        if not t.shape or t.shape[0] != length:
            raise ShapeError(
                f"scan: an input of shape {t.shape}; its leading axis must be {length}"
            )
    head = [TensorType(t.shape, t.dtype) for t in types[: consts + carries]]
    _check(
        "scan",
        body.input_types,
        [*head, *(TensorType(t.shape[1:], t.dtype) for t in types[consts + carries :])],
    )
    if list(body.output_types[:carries]) != head[consts:]:
        raise ShapeError(
            f"scan: the carry goes in as {head[consts:]} "
            f"and comes out as {list(body.output_types[:carries])}"
        )
    stacked = [*body.output_types[carries:], *head[consts:]]
    return [*head[consts:], *(TensorType((length, *t.shape), t.dtype) for t in stacked)]


def _scan_reference(
    *arrays: Any, body: Any, length: int, consts: int, carries: int, reverse: bool
) -> list[Any]:
    fixed, carry, xs = (
        arrays[:consts],
        list(arrays[consts : consts + carries]),
        arrays[consts + carries :],
    )
    stacked = [*body.output_types[carries:], *body.output_types[:carries]]
    kept = [np.empty((length, *t.shape), t.dtype.numpy) for t in stacked]
    for i in reversed(range(length)) if reverse else range(length):
        out = body.evaluate([*fixed, *carry, *(x[i] for x in xs)])
        for store, value in zip(kept, [*out[carries:], *carry], strict=True):
            store[i] = value
        carry = list(out[:carries])
    return [*carry, *kept]


def _scan_vjp(
    needed: Sequence[bool],
    gs: Sequence[Any],
    inputs: Any,
    outputs: Any,
    body: Any,
    length: int,
    consts: int,
    carries: int,
    reverse: bool,
) -> list[Any]:
    types = list(body.input_types)
    fixed, xs = list(inputs[:consts]), list(inputs[consts + carries :])
    last, g_ys, g_saved = (
        gs[:carries],
        gs[carries : len(gs) - carries],
        gs[len(gs) - carries :],
    )
    saved = list(outputs[len(gs) - carries :])
    floating = [t.dtype.is_floating for t in types]
    wanted = tuple(
        f and (n or consts <= i < consts + carries)
        for i, (f, n) in enumerate(zip(floating, needed, strict=True))
    )
    moving = floating[consts : consts + carries]
    program, produced = regions[0].reverse(
        body, wanted, (*moving, *(g is not None for g in g_ys))
    )
    d_fixed = [i for i in range(consts) if produced[i]]
    d_carry = [i for i in range(carries) if moving[i]]
    d_xs = [i for i in range(consts + carries, len(types)) if produced[i]]
    from_saved = [i for i in d_carry if g_saved[i] is not None]
    split = (
        len(fixed),
        len(d_carry) + len(d_fixed),
        len(xs),
        carries,
        len(_present(g_ys)),
    )

    def backward(*values: Any) -> list[Any]:
        rest = iter(values)
        c, accumulated, x, carry, g_y = (list(islice(rest, n)) for n in split)
        g_carry, totals = accumulated[: len(d_carry)], accumulated[len(d_carry) :]
        cotangents = _spread(
            ops.call(*c, *carry, *x, *g_carry, *g_y, body=program), produced
        )
        before = []
        for i in d_carry:
            g = cotangents[consts + i]
            g = (
                zeros(types[consts + i].shape, types[consts + i].dtype)
                if g is None
                else g
            )
            before.append(ops.add(g, next(rest)) if i in from_saved else g)
        return [
            *before,
            *(ops.add(t, cotangents[i]) for t, i in zip(totals, d_fixed, strict=True)),
            *(cotangents[i] for i in d_xs),
        ]

    start = [
        zeros(types[consts + i].shape, types[consts + i].dtype)
        if last[i] is None
        else last[i]
        for i in d_carry
    ]
    start += [zeros(types[i].shape, types[i].dtype) for i in d_fixed]
    sequences = [*xs, *saved, *_present(g_ys), *(g_saved[i] for i in from_saved)]
    step_types = [TensorType(v.shape, v.dtype) for v in (*fixed, *start)]
    step_types += [TensorType(v.shape[1:], v.dtype) for v in sequences]
    key = ("scan_vjp", program, tuple(step_types), tuple(from_saved))
    step = regions[0].capture(key, backward, step_types)
    results = ops.scan(
        *fixed,
        *start,
        *sequences,
        body=step,
        length=length,
        consts=consts,
        carries=len(start),
        reverse=not reverse,
    )
    found: list[Any] = [None] * len(types)
    for i, r in zip(d_carry, results, strict=False):
        found[consts + i] = r
    for i, r in zip(d_fixed, results[len(d_carry) :], strict=False):
        found[i] = r
    for i, r in zip(d_xs, results[len(start) :], strict=False):
        found[i] = r
    return found


def _scan_batch(
    values: Sequence[Any],
    flags: Sequence[bool],
    body: Any,
    length: int,
    consts: int,
    carries: int,
    reverse: bool,
) -> list[Any]:
    size = batch_size(values, flags)
    middle = range(consts, consts + carries)
    ready, marks = [], []
    for i, (v, f) in enumerate(zip(values, flags, strict=True)):
        if i in middle:  # a carry is batched as soon as anything is
            v, f = with_batch(v, f, size), True
        elif f and i >= consts:
            v = move_axis(v, 1, 0)
        ready.append(v)
        marks.append(bool(f))
    program = regions[0].batched(body, tuple(marks), size)
    outputs = ops.scan(
        *ready,
        body=program,
        length=length,
        consts=consts,
        carries=carries,
        reverse=reverse,
    )
    return [o if i < carries else move_axis(o, 1, 0) for i, o in enumerate(outputs)]


scan = register(
    Primitive(
        "scan",
        121,
        "control",
        _scan_infer,
        _scan_reference,
        _scan_vjp,
        _scan_batch,
        "io",
        many=True,
    )
)


# ---- identities ----------------------------------------------------------------------


def _identity(name: str, opcode: int, vjp: Any) -> Primitive:
    def batch(values: Sequence[Any], flags: Any) -> list[Any]:
        return [ops.table[name](values[0])]

    def infer(types: Sequence[Value]) -> list[TensorType]:
        return [TensorType(types[0].shape, types[0].dtype)]

    return register(
        Primitive(name, opcode, "identity", infer, lambda a: [a], vjp, batch)
    )


# Nothing is simplified across a barrier: what stands before it is not merged with what
# stands behind it, so that recomputation stays recomputation.
barrier = _identity(
    "barrier", 123, lambda needed, gs, inputs, outputs: [ops.barrier(gs[0])]
)
stop_gradient = _identity(
    "stop_gradient", 124, lambda needed, gs, inputs, outputs: [None]
)
