"""What can be done to a region, once for each: derive its pullback, or batch it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import pullback, track
from ..dispatch import taping
from ..passes.prune import without_dead_code
from ..primitives import TensorType, ops
from ..primitives.batching import with_batch
from ..primitives.control import set_region_transforms
from ..primitives.shorthands import zeros
from ..program import Program, Symbol
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
        table: dict[Any, Any] = _CAPTURED if owner is None else owner.notes
        short = (
            tuple("self" if k is owner else k for k in key)
            if owner is not None
            else key
        )
        found: Program | None = table.get(short)
        if found is None:
            program, lifted = capture_flat(function, types)
            assert not lifted, "a rule's region uses what it was not given"
            if owner is None and len(table) >= _BOUND:
                table.clear()
            found = table[short] = without_dead_code(program)
        return found

    def inline(self, body: Program, values: Sequence[Any]) -> list[Any]:
        return inline(body, values)

    def reverse(
        self, body: Program, needed: tuple[bool, ...], present: tuple[bool, ...]
    ) -> tuple[Program, tuple[bool, ...]]:
        key = ("reverse", needed, present)
        if key not in body.notes:
            program, produced = _reverse(body, needed, present)
            if "remat" in body.notes:  # and so on for the derivatives after it
                program.notes["remat"] = True
            body.notes[key] = program, produced
        return body.notes[key]

    def batched(self, body: Program, flags: tuple[bool, ...], size: int) -> Program:
        key = ("batched", flags, size)
        if key not in body.notes:
            types = [
                TensorType((size, *t.shape), t.dtype) if f else t
                for t, f in zip(body.input_types, flags, strict=True)
            ]
            program, _ = capture_flat(lambda *xs: vmapped(body, xs, flags, size), types)
            body.notes[key] = program = without_dead_code(program)
            if "remat" in body.notes:
                program.notes["remat"] = True
            if "rule" in body.notes:
                program.notes["rule"] = _BatchedRule(body.notes["rule"], flags, size)
        return body.notes[key]


class _BatchedRule:
    """A derivative given by hand, over a batch; what all share gets the sum."""

    def __init__(self, rule: Any, flags: tuple[bool, ...], size: int) -> None:
        self.rule = rule
        self.name = rule.name
        self.flags = flags
        self.size = size

    def pull(
        self,
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        needed: Sequence[bool],
        emit: Callable[..., list[Tensor]],
    ) -> list[Tensor | None]:
        pairs = [
            *zip(inputs, self.flags, strict=True),
            *((g, True) for g in cotangents),
        ]
        marks = {id(x): flag for x, flag in pairs}

        def batched(program: Program, values: Sequence[Tensor]) -> list[Tensor]:
            flags = tuple(marks[id(x)] for x in values)
            return emit(Regions().batched(program, flags, self.size), values)

        found = self.rule.pull(inputs, cotangents, needed, batched)
        return [
            ops.sum(g, axes=(0,)) if g is not None and not flag else g
            for g, flag in zip(found, self.flags, strict=True)
        ]


def _by_rule(
    body: Program,
    inputs: Sequence[Tensor],
    present: Sequence[Tensor | None],
    needed: Any,
) -> list[Tensor | None]:
    """What the rule gives, with zeros for the cotangents that are missing."""
    full = [
        zeros(t.shape, t.dtype) if g is None else g
        for t, g in zip(body.output_types, present, strict=True)
    ]
    found: list[Tensor | None] = body.notes["rule"].pull(inputs, full, needed, inline)
    return found


def _reverse(
    body: Program, needed: tuple[bool, ...], present: tuple[bool, ...]
) -> tuple[Program, tuple[bool, ...]]:
    count = len(body.inputs)
    produced: list[bool] = []

    def backward(*values: Tensor) -> list[Tensor]:
        inputs = list(values[:count])
        if "rule" in body.notes:
            rest = iter(values[count:])
            given = [next(rest) if p else None for p in present]
            results = _by_rule(body, inputs, given, needed)
            produced[:] = [g is not None for g in results]
            return [g for g in results if g is not None]
        wanted = [i for i in range(count) if needed[i] and inputs[i].dtype.is_floating]
        leaves = track([inputs[i] for i in wanted])
        for i, leaf in zip(wanted, leaves, strict=True):
            inputs[i] = leaf
        outputs = inline(body, inputs)
        rest = iter(values[count:])
        cotangents = [next(rest) if p else None for p in present]
        found = pullback(outputs, cotangents, leaves)
        by_input = {
            i: found.get((id(leaf.node), 0))
            for i, leaf in zip(wanted, leaves, strict=True)
        }
        produced[:] = [by_input.get(i) is not None for i in range(count)]
        return [g for i in range(count) if (g := by_input.get(i)) is not None]

    types = [
        *body.input_types,
        *(t for t, p in zip(body.output_types, present, strict=True) if p),
    ]
    with taping(True):
        program, lifted = capture_flat(backward, types)
    assert not lifted, "a region uses what it was not given"
    program = without_dead_code(program)
    # for the pass that lets a reverse region use what the forward one has computed
    program.notes["reverse_of"] = (weakref.ref(body), count)
    return program, tuple(produced)


def vmapped(
    program: Program,
    inputs: Sequence[Tensor],
    flags: Sequence[bool],
    size: int,
    all_outputs: bool = True,
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
