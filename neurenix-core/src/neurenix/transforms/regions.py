"""Derives regions from regions, once for each: the pullback, and the batched region."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.mode import Differentiation
from ..passes.prune import without_dead_code
from ..primitives import TensorType
from ..primitives.batching import with_batch
from ..primitives.control import CallVjp, set_region_transforms
from ..primitives.shorthands import zeros
from ..program import Program, Symbol
from ..program.ir import ReverseOf
from ..program.memo import derived
from ..tensor import Tensor
from ..user_lines import at_line
from .capture import _emit, capture_flat, inline

_CAPTURED: dict[Any, Program] = {}  # of primitives, which no body owns
_BOUND = 1024


class Regions:
    def capture(
        self, key: Any, function: Callable[..., Any], types: Sequence[TensorType]
    ) -> Program:
        if key is None:
            return without_dead_code(capture_flat(function, types)[0])
        owner = next((k for k in key if isinstance(k, Program)), None)
        if owner is None:
            found = _CAPTURED.get(key)
            if found is None:
                if len(_CAPTURED) >= _BOUND:
                    _CAPTURED.clear()
                found = _CAPTURED[key] = _closed(function, types)
            return found
        short = ("captured", *("self" if k is owner else k for k in key))
        return derived(owner, short, lambda _: _closed(function, types))

    def inline(self, body: Program, values: Sequence[Any]) -> list[Any]:
        return inline(body, values)

    def reverse(
        self,
        body: Program,
        needed: tuple[bool, ...],
        present: tuple[bool, ...],
        vjp: CallVjp | None = None,
    ) -> tuple[Program, tuple[bool, ...]]:
        return derived(
            body,
            ("reverse", needed, present, vjp),
            lambda body: _reverse(body, needed, present, vjp),
        )

    def batched(self, body: Program, flags: tuple[bool, ...], size: int) -> Program:
        def over_batch(body: Program) -> Program:
            types = [
                TensorType((size, *t.shape), t.dtype) if f else t
                for t, f in zip(body.input_types, flags, strict=True)
            ]
            return _closed(lambda *xs: vmapped(body, xs, flags, size), types)

        return derived(body, ("batched", flags, size), over_batch)


def _closed(function: Callable[..., Any], types: Sequence[TensorType]) -> Program:
    program, lifted = capture_flat(function, types)
    assert not lifted, "a rule's region uses what it was not given"
    return without_dead_code(program)


def _reverse(
    body: Program,
    needed: tuple[bool, ...],
    present: tuple[bool, ...],
    vjp: CallVjp | None,
) -> tuple[Program, tuple[bool, ...]]:
    count = len(body.inputs)
    produced: list[bool] = []

    def backward(*values: Tensor) -> list[Tensor]:
        inputs = list(values[:count])
        if vjp is not None:
            given = _with_zeros(values[count:], present, body.output_types)
            results = vjp.pull(inputs, given, needed)
            produced[:] = [g is not None for g in results]
            return [g for g in results if g is not None]
        wanted = [i for i in range(count) if needed[i] and inputs[i].dtype.is_floating]
        with Differentiation([inputs[i] for i in wanted]) as d:
            for i, leaf in zip(wanted, d.leaves, strict=True):
                inputs[i] = leaf
            d.reach(inline(body, inputs))
        rest = iter(values[count:])
        found = d.pull([next(rest) if p else None for p in present])
        by_input = dict(zip(wanted, found, strict=True))
        produced[:] = [by_input.get(i) is not None for i in range(count)]
        return [g for i in range(count) if (g := by_input.get(i)) is not None]

    types = [
        *body.input_types,
        *(t for t, p in zip(body.output_types, present, strict=True) if p),
    ]
    program, lifted = capture_flat(backward, types)
    assert not lifted, "a region uses what it was not given"
    whose = ReverseOf(weakref.ref(body), count)
    marked = Program(program.inputs, program.instructions, program.outputs, whose)
    return without_dead_code(marked), tuple(produced)


def _with_zeros(
    cotangents: Sequence[Tensor],
    present: Sequence[bool],
    types: Sequence[TensorType],
) -> list[Tensor]:
    """All cotangents, with zeros for the missing ones."""
    rest = iter(cotangents)
    return [
        next(rest) if p else zeros(t.shape, t.dtype)
        for t, p in zip(types, present, strict=True)
    ]


def vmapped(
    program: Program,
    inputs: Sequence[Tensor],
    flags: Sequence[bool],
    size: int,
) -> list[Tensor]:
    """Emit the program over a batch: flagged inputs have it as their leading axis, and
    so have all outputs."""
    values: dict[Symbol, tuple[Tensor, bool]] = {
        s: (x, f) for s, x, f in zip(program.inputs, inputs, flags, strict=True)
    }
    for i in program.instructions:
        pairs = [values[s] for s in i.inputs]
        marks = [f for _, f in pairs]
        if any(marks):
            with at_line(i.source):
                results: Sequence[Tensor] = i.primitive.batched(
                    [x for x, _ in pairs], marks, i.params
                )
        else:
            results = _emit(i, [x for x, _ in pairs])
        values.update(
            (s, (r, any(marks))) for s, r in zip(i.outputs, results, strict=True)
        )
    return [with_batch(x, f, size) for x, f in (values[s] for s in program.outputs)]


set_region_transforms(Regions())
