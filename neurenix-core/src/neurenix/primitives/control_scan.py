"""scan(*inputs): consts, first carries, xs -> last carries, ys, and every iteration's
carries before it (which the derivative reads). `body` runs for one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..errors import ShapeError
from .batching import batch_size, with_batch
from .control import check_body, present_only, regions, spread
from .primitive import PLAIN, Primitive, TensorType, Value, ops, register
from .shorthands import cut, move_axis, zeros


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
    check_body(
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
        len(present_only(g_ys)),
    )

    def backward(*values: Any) -> list[Any]:
        rest = iter(values)
        c, accumulated, x, carry, g_y = (list(islice(rest, n)) for n in split)
        g_carry, totals = accumulated[: len(d_carry)], accumulated[len(d_carry) :]
        cotangents = spread(
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
    sequences = [*xs, *saved, *present_only(g_ys), *(g_saved[i] for i in from_saved)]
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


def _scan_unrolled(
    *values: Any, body: Any, length: int, consts: int, carries: int, reverse: bool
) -> list[Any]:
    fixed, xs = values[:consts], values[consts + carries :]
    carry = list(values[consts : consts + carries])
    stacked = [*body.output_types[carries:], *body.output_types[:carries]]
    if length == 0:
        return [*carry, *(zeros((0, *t.shape), t.dtype) for t in stacked)]
    kept: list[list[Any]] = [[] for _ in stacked]
    for i in reversed(range(length)) if reverse else range(length):
        row = [ops.reshape(cut(x, 0, i, i + 1), shape=x.shape[1:]) for x in xs]
        out = ops.call(*fixed, *carry, *row, body=body)
        for store, value in zip(kept, [*out[carries:], *carry], strict=True):
            store.append(ops.reshape(value, shape=(1, *value.shape)))
        carry = list(out[:carries])
    return [
        *carry,
        *(ops.concat(*(s[::-1] if reverse else s), axis=0) for s in kept),
    ]


scan = register(
    Primitive(
        name="scan",
        opcode=121,
        family="control",
        traits=PLAIN,
        infer=_scan_infer,
        reference=_scan_reference,
        vjp=_scan_vjp,
        batch=_scan_batch,
        decomposition=_scan_unrolled,
        saves="io",
        many=True,
    )
)
