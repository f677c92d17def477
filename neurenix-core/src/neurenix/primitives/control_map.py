"""map(*inputs): runs `body` for each index of the leading axis of the mapped inputs.

Outputs are stacked, or summed in a fixed order. Iterations are independent. At most
`chunk` run at once (0: the engine's choice).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ShapeError
from .batching import batch_size
from .control import check_body, present_only, regions, spread
from .primitive import PLAIN, Primitive, TensorType, Value, ops, register
from .shorthands import cut, move_axis, zeros


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
    check_body(
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
        *present_only(gs),
        body=program,
        iterations=iterations,
        mapped=(*mapped, *stacked),
        summed=tuple(not m for m, p in zip(mapped, produced, strict=True) if p),
        chunk=chunk,
    )
    return spread(results, produced)


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


def _tree_sum(x: Any, count: int, *last: Any) -> Any:
    """The leading axis summed as `fixed_tree_sum` does, a level of the tree at once.

    last   one sum that comes after it, of fewer terms than a row of x has, or nothing
    """
    totals, begin = [], 0
    for bit in reversed(range(count.bit_length())):
        size = 1 << bit
        if not count & size:
            continue
        block = cut(x, 0, begin, begin + size)
        while size > 1:
            size //= 2
            pairs = ops.reshape(block, shape=(size, 2, *x.shape[1:]))
            left, right = cut(pairs, 1, 0, 1), cut(pairs, 1, 1, 2)
            block = ops.reshape(ops.add(left, right), shape=(size, *x.shape[1:]))
        totals.append(ops.reshape(block, shape=x.shape[1:]))
        begin += 1 << bit
    totals += last
    total = totals.pop()
    while totals:
        total = ops.add(totals.pop(), total)
    return total


def _map_expanded(
    *values: Any,
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[Any]:
    if iterations == 0:
        return [
            zeros(t.shape if s else (0, *t.shape), t.dtype)
            for t, s in zip(body.output_types, summed, strict=True)
        ]
    if 0 < chunk < iterations:
        return _in_chunks(values, body, iterations, mapped, summed, chunk)
    return _at_once(values, body, iterations, mapped, summed)


def _at_once(
    values: Sequence[Any],
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
) -> list[Any]:
    program = regions[0].batched(body, tuple(mapped), iterations)
    outputs = regions[0].inline(program, values)
    return [
        _tree_sum(o, iterations) if s else o
        for o, s in zip(outputs, summed, strict=True)
    ]


def _in_chunks(
    values: Sequence[Any],
    body: Any,
    iterations: int,
    mapped: Sequence[bool],
    summed: Sequence[bool],
    chunk: int,
) -> list[Any]:
    """A scan over chunks, each expanded. Their size is a power of two, so that their
    sums are whole branches of the tree; what does not fill a chunk comes last."""
    size = 1 << (chunk.bit_length() - 1)
    count, rest = divmod(iterations, size)
    fixed = [n for n, m in enumerate(mapped) if not m]
    moving = [n for n, m in enumerate(mapped) if m]
    xs = [
        ops.reshape(
            cut(values[n], 0, 0, count * size),
            shape=(count, size, *values[n].shape[1:]),
        )
        for n in moving
    ]

    def one_chunk(*given: Any) -> list[Any]:
        ordered = dict(zip((*fixed, *moving), given, strict=True))
        inputs = [ordered[n] for n in range(len(mapped))]
        return _at_once(inputs, body, size, mapped, summed)

    constants = [values[n] for n in fixed]
    types = [TensorType(v.shape, v.dtype) for v in constants]
    types += [TensorType(x.shape[1:], x.dtype) for x in xs]
    key = ("chunk", body, size, tuple(mapped), tuple(summed), tuple(types))
    outputs = ops.scan(
        *constants,
        *xs,
        body=regions[0].capture(key, one_chunk, types),
        length=count,
        consts=len(constants),
        carries=0,
        reverse=False,
    )
    last: list[list[Any]] = [[] for _ in outputs]
    if rest:
        ends = [
            cut(v, 0, count * size, iterations) if m else v
            for v, m in zip(values, mapped, strict=True)
        ]
        last = [[o] for o in _at_once(ends, body, rest, mapped, summed)]
    return [
        _tree_sum(o, count, *more)
        if s
        else ops.concat(
            ops.reshape(o, shape=(count * size, *o.shape[2:])), *more, axis=0
        )
        for o, more, s in zip(outputs, last, summed, strict=True)
    ]


map_ = register(
    Primitive(
        name="map",
        opcode=122,
        family="control",
        traits=PLAIN,
        infer=_map_infer,
        reference=_map_reference,
        vjp=_map_vjp,
        batch=_map_batch,
        decomposition=_map_expanded,
        saves="i",
        many=True,
    )
)


@dataclass(frozen=True)
class BatchByMap:
    """The batch rule of what has no better one: a map of itself over the batch."""

    name: str

    def __call__(
        self, values: Sequence[Any], flags: Sequence[bool], **params: Any
    ) -> list[Any]:
        primitive = ops.table[self.name]
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
