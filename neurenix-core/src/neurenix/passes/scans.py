"""Scans in stages: only what waits for the carry stays in the loop.

A body's instructions fall into three stages. Those that no carry reaches are computed
before the loop: once where they read constants alone, else for all iterations at once
(one product over a whole sequence in place of one for each step). Those that no carry
waits for are computed behind it, for all iterations at once: first of all what is only
added up, such as the gradient of a weight, which becomes one product over time and
batch. What is left is the loop. Carries that nobody needs, or that are handed on as
they are, go.

That trades memory for speed, within a bound that depends on shapes alone: see
`scan_stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..primitives import ops
from ..primitives.control import regions
from ..program.ir import Instruction, Program, Symbol, renamed
from ..program.memo import derived
from .prune import without_dead_code
from .scan_sharing import hand_over
from .scan_stages import Stages, stages
from .simplify import Rewriter

Flat = Callable[[Program], Program]


def staged(program: Program, flat: Flat) -> Program:
    """The program with its scans in stages; `flat` simplifies their bodies."""
    if not any(i.primitive is ops.scan for i in program.instructions):
        return program
    live: set[Symbol] = set(program.outputs)
    kept: list[Instruction | _Pruned] = []
    for i in reversed(program.instructions):
        if not any(s in live for s in i.outputs):
            continue
        if i.primitive is ops.scan:
            short = _pruned(i, live, flat)
            kept.append(short)
            live.update(short.scan.inputs)
            live.update(first for first, _, _ in short.unchanged)
        else:
            kept.append(i)
            live.update(i.inputs)
    kept.reverse()
    _hand_over(kept)
    live = {s for k in kept for s in _read_by(k)}.union(program.outputs)
    r = Rewriter()
    for k in kept:
        if isinstance(k, Instruction):
            r.add(k)
            continue
        for first, last, saved in k.unchanged:
            r.bind(last, r.read(first))
            if saved in live:
                every = {"shape": saved.type.shape}
                r.bind(saved, r.emit(ops.broadcast, (r.read(first),), every, None))
        _stage(r, k.scan, live)
    outputs = [r.read(s) for s in program.outputs]
    return without_dead_code(program.made_of(r.instructions, outputs))


def _read_by(k: Instruction | _Pruned) -> Iterable[Symbol]:
    if isinstance(k, Instruction):
        return k.inputs
    return (*k.scan.inputs, *(first for first, _, _ in k.unchanged))


def _hand_over(kept: Sequence[Instruction | _Pruned]) -> None:
    """Hands values of earlier scans to later ones, which then do not compute them
    again."""
    scans = [k for k in kept if isinstance(k, _Pruned)]
    for k, scan in zip(scans, hand_over([k.scan for k in scans]), strict=True):
        k.scan = scan


# ---- what nobody needs ---------------------------------------------------------------


@dataclass
class _Pruned:
    """A scan, and the carries that left it because they stay the same: (first, last,
    saved)."""

    scan: Instruction
    unchanged: list[tuple[Symbol, Symbol, Symbol]]


def _pruned(i: Instruction, live: set[Symbol], flat: Flat) -> _Pruned:
    p, body = i.params, i.params["body"]
    body = derived(body, "flat", flat)
    consts, carries = p["consts"], p["carries"]
    ys = len(body.outputs) - carries
    last, y, saved = _cut(i.outputs, carries, ys)
    fixed, carried, xs = _cut(body.inputs, consts, carries)
    given = dict(zip(body.inputs, i.inputs, strict=True))
    ends = body.outputs[:carries]
    same = [k for k in range(carries) if ends[k] is carried[k]]
    seen = [s in live for s in y]
    wanted = {
        k
        for k in range(carries)
        if k not in same and (last[k] in live or saved[k] in live)
    }
    while True:
        outputs = [ends[k] for k in sorted(wanted)]
        outputs += [s for s, n in zip(body.outputs[carries:], seen, strict=True) if n]
        short = without_dead_code(Program(body.inputs, body.instructions, outputs))
        read = {s for j in short.instructions for s in j.inputs} | set(outputs)
        more = {k for k in range(carries) if carried[k] in read and k not in same}
        if more <= wanted:
            break
        wanted |= more
    new_fixed = [s for s in fixed if s in read]
    new_fixed += [carried[k] for k in same if carried[k] in read]
    new_carried = [carried[k] for k in sorted(wanted)]
    new_xs = [s for s in xs if s in read]
    inputs = [*new_fixed, *new_carried, *new_xs]
    key = ("pruned", tuple(sorted(wanted)), tuple(seen))
    pruned = Program(inputs, short.instructions, outputs)
    scan = Instruction(
        ops.scan,
        [given[s] for s in inputs],
        {
            **p,
            "body": derived(body, key, lambda _: renamed(pruned)),
            "consts": len(new_fixed),
            "carries": len(new_carried),
        },
        [
            *(last[k] for k in sorted(wanted)),
            *(s for s, n in zip(y, seen, strict=True) if n),
            *(saved[k] for k in sorted(wanted)),
        ],
        i.source,
    )
    unchanged = [(given[carried[k]], last[k], saved[k]) for k in same]
    return _Pruned(scan, unchanged)


def _cut(
    symbols: Sequence[Symbol], first: int, second: int
) -> tuple[Sequence[Symbol], Sequence[Symbol], Sequence[Symbol]]:
    return symbols[:first], symbols[first : first + second], symbols[first + second :]


# ---- stages --------------------------------------------------------------------------


class _Part:
    """Some instructions of a body, as a program of its own."""

    def __init__(
        self,
        given: Iterable[Symbol],
        instructions: Sequence[Instruction],
        wanted: Iterable[Symbol],
    ) -> None:
        computed = {s for j in instructions for s in j.outputs}
        read = {s for j in instructions for s in j.inputs} - computed
        self.outputs = list(dict.fromkeys(s for s in wanted if s in computed))
        self.inputs = [s for s in given if s in read]
        self.program = renamed(Program(self.inputs, instructions, self.outputs))


@dataclass
class _Parts:
    stages: Stages
    fixed: _Part
    before: _Part
    behind: _Part
    body: Program | None  # of the loop; None if nothing is left in it
    consts: list[Symbol]  # of that body, as symbols of the whole one; so the others
    carries: list[int]
    xs: list[Symbol]
    ys: list[Symbol]


def _parts(
    body: Program, consts: int, carries: int, length: int, saved: tuple[bool, ...]
) -> _Parts | None:
    key = ("stages", consts, carries, length, saved)

    def divided(body: Program) -> _Parts | None:
        stages_of_body = (
            stages(body, consts, carries, length, saved) if length > 1 else None
        )
        return (
            None
            if stages_of_body is None
            else _divided(body, consts, carries, stages_of_body)
        )

    return derived(body, key, divided)


def _divided(body: Program, consts: int, carries: int, s: Stages) -> _Parts:
    fixed, carried, xs = _cut(body.inputs, consts, carries)
    kept = [k for k in range(carries) if k not in s.sums]
    terms = [t for addends in s.sums.values() for t in addends]
    late = [*terms, *body.outputs[carries:]]
    read_behind = [t for j in s.behind for t in j.inputs]
    outside = [*s.handed_in, *read_behind, *late]
    once = _Part(fixed, s.fixed, [*(t for j in s.before for t in j.inputs), *outside])
    before = _Part([*fixed, *once.outputs, *xs], s.before, outside)
    ys = [t for t in s.kept if t not in carried]
    given = [*fixed, *once.outputs, *xs, *before.outputs, *s.kept]
    behind = _Part(dict.fromkeys(given), s.behind, late)
    outputs = [*(body.outputs[k] for k in kept), *ys]
    read = {t for j in s.loop for t in j.inputs} | set(outputs)
    loop_consts = [t for t in (*fixed, *once.outputs) if t in read]
    loop_xs = [t for t in (*xs, *before.outputs) if t in read]
    inputs = [*loop_consts, *(carried[k] for k in kept), *loop_xs]
    loop = renamed(Program(inputs, s.loop, outputs)) if outputs else None
    return _Parts(s, once, before, behind, loop, loop_consts, kept, loop_xs, ys)


def _stage(r: Rewriter, i: Instruction, live: set[Symbol]) -> None:
    """Adds the scan, in stages, to the program that r builds."""
    p, body = i.params, i.params["body"]
    consts, carries, length = p["consts"], p["carries"], p["length"]
    last, ys, saved = _cut(i.outputs, carries, len(body.outputs) - carries)
    parts = _parts(body, consts, carries, length, tuple(s in live for s in saved))
    if parts is None:
        r.add(i)
        return
    fixed, carried, xs = _cut(body.inputs, consts, carries)
    given = dict(zip(body.inputs, map(r.read, i.inputs), strict=True))
    first = [given[s] for s in carried]
    values = {s: given[s] for s in (*fixed, *xs)}
    every = set(xs)  # those that have an axis of iterations
    _paste(r, parts.fixed, values, every, 0)
    _paste(r, parts.before, values, every, length)
    if parts.body is not None:
        inputs = [values[s] for s in parts.consts]
        inputs += [first[k] for k in parts.carries]
        inputs += [values[s] for s in parts.xs]
        params = {**p, "body": parts.body, "consts": len(parts.consts)}
        params["carries"] = n = len(parts.carries)
        types = ops.scan.infer([s.type for s in inputs], **params)
        made = r.make(
            ops.scan, tuple(inputs), params, tuple(map(Symbol, types)), i.source
        )
        new_last, new_ys, new_saved = _cut(made, n, len(parts.ys))
        values.update(zip(parts.ys, new_ys, strict=True))
        every.update(parts.ys)
        for k, end, before in zip(parts.carries, new_last, new_saved, strict=True):
            r.bind(last[k], end)
            r.bind(saved[k], before)
            values[carried[k]] = before
            every.add(carried[k])
    _paste(r, parts.behind, values, every, length)
    for k, terms in parts.stages.sums.items():
        total, *more = [_sum(r, values[t], t in every, length, i.source) for t in terms]
        for part in (*more, first[k]):
            total = r.emit(ops.add, (total, part), {}, i.source)
        r.bind(last[k], total)
    for old, end in zip(ys, body.outputs[carries:], strict=True):
        value = values[end]
        if end not in every:
            value = r.emit(ops.broadcast, (value,), {"shape": old.type.shape}, i.source)
        r.bind(old, value)


def _paste(
    r: Rewriter,
    part: _Part,
    values: dict[Symbol, Symbol],
    every: set[Symbol],
    length: int,
) -> None:
    """Emits the part once, or for `length` iterations at once where that is not 0."""
    if not part.outputs:
        return
    program = part.program
    if length:
        flags = tuple(s in every for s in part.inputs)
        program = regions[0].batched(program, flags, length)
        every.update(part.outputs)
    program = renamed(program)
    for inner, s in zip(program.inputs, part.inputs, strict=True):
        r.bind(inner, values[s])
    for j in program.instructions:
        r.add(j)
    ends = [r.read(s) for s in program.outputs]
    values.update(zip(part.outputs, ends, strict=True))


def _sum(
    r: Rewriter, s: Symbol, every: bool, length: int, source: str | None
) -> Symbol:
    """The sum over iterations, merged with the sum or the product whose results it
    adds."""
    if not every:
        s = r.emit(ops.broadcast, (s,), {"shape": (length, *s.type.shape)}, source)
    producer = r.maker.get(s)
    if (
        producer is not None
        and producer.primitive is ops.sum
        and 0 not in producer.params["axes"]
    ):
        axes = (0, *producer.params["axes"])
        return r.emit(ops.sum, producer.inputs, {"axes": axes}, source)
    if producer is None or producer.primitive is not ops.dot_general:
        return r.emit(ops.sum, (s,), {"axes": (0,)}, source)
    p = producer.params
    if not p["lhs_batch"]:
        return r.emit(ops.sum, (s,), {"axes": (0,)}, source)
    (a, *lhs), (b, *rhs) = p["lhs_batch"], p["rhs_batch"]
    params = {
        "lhs_contract": (a, *p["lhs_contract"]),
        "rhs_contract": (b, *p["rhs_contract"]),
        "lhs_batch": tuple(lhs),
        "rhs_batch": tuple(rhs),
    }
    return r.emit(ops.dot_general, producer.inputs, params, source)
