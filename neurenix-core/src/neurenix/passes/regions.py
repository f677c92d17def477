"""Passes over the regions of a program: what call and map bodies compute together.

`share_residuals`: a call and the call of its pullback on the same inputs. The pullback
computes the forward values again; here the first call gives them out instead, and the
second takes them. Derived once for a body, however many steps call it.

`merge_maps`: the forward and the backward map of a loss go over the same iterations,
and the second does not wait for the first: one map, whose body shares what both
compute.

`prune_regions`: outputs that nobody reads, inputs that nothing needs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Any

from ..primitives import ops
from ..program.ir import Instruction, Program, Symbol
from .simplify import Rewriter, simplify, without_dead_code

# Views of something else, or made from nothing: cheaper made again than handed over.
_MOVES = {"reshape", "transpose", "broadcast", "slice", "flip"}
_FREE = {*_MOVES, "constant", "iota", "barrier"}
# As cheap to make again as to read, where what they compare is there.
_MASKS = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}


# ---- residuals -----------------------------------------------------------------------


def share_residuals(program: Program, refined: Callable[[Program], Program]) -> Program:
    """Calls and the calls of their pullbacks, computing nothing twice; `refined`: what
    else makes a program do less, for both together."""
    forward: dict[Any, int] = {}
    replaced: dict[int, Instruction] = {}
    instructions = list(program.instructions)
    for position, i in enumerate(instructions):
        if i.primitive is not ops.call:
            continue
        body: Program = i.params["body"]
        origin = body.notes.get("reverse_of")
        first = forward.get((origin[0](), i.inputs[: origin[1]])) if origin else None
        if first is not None and first not in replaced:
            before = instructions[first]
            pair = before.params["body"], body
            whole, rest, residual_types = _split(*pair, refined)
            residuals = [Symbol(t) for t in residual_types]
            replaced[first] = Instruction(
                ops.call,
                before.inputs,
                {"body": whole},
                (*before.outputs, *residuals),
                before.source,
            )
            replaced[position] = Instruction(
                ops.call, (*i.inputs, *residuals), {"body": rest}, i.outputs, i.source
            )
        forward.setdefault((body, i.inputs), position)
    if not replaced:
        return program
    merged = [replaced.get(k, i) for k, i in enumerate(instructions)]
    return Program(program.inputs, merged, program.outputs)


def _split(
    forward: Program, backward: Program, refined: Callable[[Program], Program]
) -> tuple[Program, Program, list[Any]]:
    """(forward with residuals, backward from residuals, types of the residuals)."""
    found = forward.notes.get(("split", backward))
    if found is not None:
        return found
    both = Rewriter()
    for i in forward.instructions:
        both.add(i)
    ends = [both.read(s) for s in forward.outputs]
    count = len(forward.inputs)
    for old, new in zip(backward.inputs, forward.inputs, strict=False):
        both.bind(old, new)
    cotangents = backward.inputs[count:]
    for i in backward.instructions:
        both.add(i)
    results = [both.read(s) for s in backward.outputs]
    inputs = [*forward.inputs, *cotangents]
    joint = refined(Program(inputs, both.instructions, [*ends, *results]))
    ends, results = list(joint.outputs[: len(ends)]), list(joint.outputs[len(ends) :])
    made_by = {s: i for i in joint.instructions for s in i.outputs}

    late: set[Symbol] = set(cotangents)
    for i in joint.instructions:
        if any(s in late for s in i.inputs):
            late.update(i.outputs)
    arguments = set(forward.inputs)
    residuals: dict[Symbol, None] = {}
    again: set[Symbol] = set()  # free ones that the backward program makes itself
    wanted = [
        s
        for i in joint.instructions
        if any(o in late for o in i.outputs)
        for s in i.inputs
    ]
    wanted += results
    while wanted:
        s = wanted.pop()
        if s in late or s in arguments or s in again:
            continue
        maker = made_by[s]
        if maker.primitive.name in _FREE:
            again.add(s)
            wanted += maker.inputs
        else:
            residuals.setdefault(s)
    for s in list(residuals):
        maker = made_by[s]
        known = arguments.union(residuals, again) - {s}
        if maker.primitive.name in _MASKS and known.issuperset(maker.inputs):
            del residuals[s]
            again.add(s)
    kept = list(residuals)
    whole = without_dead_code(
        Program(
            forward.inputs,
            [i for i in joint.instructions if not any(o in late for o in i.outputs)],
            [*ends, *kept],
        )
    )
    tail = [
        i for i in joint.instructions if any(o in late or o in again for o in i.outputs)
    ]
    rest = without_dead_code(
        Program([*forward.inputs, *cotangents, *kept], tail, results)
    )
    # two programs may not share the symbols of their inputs: each gets its own
    rest = renamed(rest)
    found = whole, rest, [s.type for s in kept]
    forward.notes[("split", backward)] = found
    return found


def renamed(program: Program) -> Program:
    """The same program with symbols of its own."""
    names: dict[Symbol, Symbol] = {s: Symbol(s.type) for s in program.inputs}
    instructions = []
    for i in program.instructions:
        outputs = [Symbol(s.type) for s in i.outputs]
        instructions.append(
            Instruction(
                i.primitive, [names[s] for s in i.inputs], i.params, outputs, i.source
            )
        )
        names.update(zip(i.outputs, outputs, strict=True))
    return Program(
        [names[s] for s in program.inputs],
        instructions,
        [names[s] for s in program.outputs],
    )


# ---- maps ----------------------------------------------------------------------------


def merge_maps(program: Program) -> Program:
    """Maps over equally many iterations, none of which waits for another, as one."""
    instructions = list(program.instructions)
    if sum(i.primitive is ops.map for i in instructions) < 2:
        return program
    reach = _ancestors(instructions)
    groups: list[list[int]] = []
    members: list[int] = []  # of each group, as a set of bits
    reading: dict[Any, list[int]] = {}  # groups, by what their first map is given
    for k, i in enumerate(instructions):
        if i.primitive is not ops.map:
            continue
        given = [(s, i.params["iterations"], i.params["chunk"]) for s in i.inputs]
        mapped = [s for s, m in zip(given, i.params["mapped"], strict=True) if m]
        for n in sorted({n for s in mapped for n in reading.get(s, ())}):
            if not members[n] & reach[k]:
                groups[n].append(k)
                members[n] |= 1 << k
                break
        else:
            for s in set(given):
                reading.setdefault(s, []).append(len(groups))
            groups.append([k])
            members.append(1 << k)
    merged = {g[0]: g for g in groups if len(g) > 1}
    if not merged:
        return program
    gone = {k for g in merged.values() for k in g[1:]}
    out = []
    for k, i in enumerate(instructions):
        if k in merged:
            out.append(_merged([instructions[n] for n in merged[k]]))
        elif k not in gone:
            out.append(i)
    return Program(program.inputs, _sorted(program.inputs, out), program.outputs)


def _ancestors(instructions: Sequence[Instruction]) -> list[int]:
    """For each instruction the maps that it depends on, as a set of bits."""
    behind: dict[Symbol, int] = {}  # a value, and what it depends on
    reach: list[int] = []
    for k, i in enumerate(instructions):
        mine = 0
        for s in i.inputs:
            mine |= behind.get(s, 0)
        reach.append(mine)
        if i.primitive is ops.map:
            mine |= 1 << k
        if mine:
            behind.update(dict.fromkeys(i.outputs, mine))
    return reach


def _merged(maps: Sequence[Instruction]) -> Instruction:
    inputs: dict[tuple[Symbol, bool], Symbol] = {}
    instructions: list[Instruction] = []
    outputs: list[Symbol] = []
    summed: list[bool] = []
    results: list[Symbol] = []
    for m in maps:
        body = renamed(m.params["body"])
        rename: dict[Symbol, Symbol] = {}
        for outer, flag, inner in zip(
            m.inputs, m.params["mapped"], body.inputs, strict=True
        ):
            rename[inner] = inputs.setdefault((outer, flag), inner)
        for i in body.instructions:
            instructions.append(i.with_inputs([rename.get(s, s) for s in i.inputs]))
        outputs += [rename.get(s, s) for s in body.outputs]
        summed += m.params["summed"]
        results += m.outputs
    whole = Program(list(inputs.values()), instructions, outputs)
    params = {
        **maps[0].params,
        "body": whole,
        "mapped": tuple(flag for _, flag in inputs),
        "summed": tuple(summed),
    }
    return Instruction(
        ops.map, [outer for outer, _ in inputs], params, results, maps[0].source
    )


def _sorted(
    inputs: Sequence[Symbol], instructions: Sequence[Instruction]
) -> list[Instruction]:
    """An order in which every input is there, as near as possible to the one given."""
    maker = {s: k for k, i in enumerate(instructions) for s in i.outputs}
    waits = [len({maker[s] for s in i.inputs if s in maker}) for i in instructions]
    users: list[list[int]] = [[] for _ in instructions]
    for k, i in enumerate(instructions):
        for m in {maker[s] for s in i.inputs if s in maker}:
            users[m].append(k)
    ready = [k for k, w in enumerate(waits) if w == 0]
    heapq.heapify(ready)
    out = []
    while ready:
        k = heapq.heappop(ready)
        out.append(instructions[k])
        for u in users[k]:
            waits[u] -= 1
            if waits[u] == 0:
                heapq.heappush(ready, u)
    return out


# ---- inputs and outputs of regions ---------------------------------------------------


def prune_regions(program: Program) -> Program:
    """calls and maps without the outputs that nobody reads and the inputs that they
    then do not need."""
    live: set[Symbol] = set(program.outputs)
    kept: list[Instruction] = []
    for i in reversed(program.instructions):
        if not any(s in live for s in i.outputs):
            continue
        if i.primitive in (ops.call, ops.map):
            i = _pruned(i, tuple(s in live for s in i.outputs))
        kept.append(i)
        live.update(i.inputs)
    return Program(program.inputs, kept[::-1], program.outputs)


def _pruned(i: Instruction, used: tuple[bool, ...]) -> Instruction:
    body: Program = i.params["body"]
    key = ("pruned", used)
    if key not in body.notes:
        ends = [s for s, u in zip(body.outputs, used, strict=True) if u]
        short = without_dead_code(Program(body.inputs, body.instructions, ends))
        read = {s for j in short.instructions for s in j.inputs} | set(ends)
        needed = tuple(s in read for s in body.inputs)
        if i.primitive is ops.map and not any(
            n and m for n, m in zip(needed, i.params["mapped"], strict=True)
        ):
            # something must say how many iterations there are
            needed = (True, *needed[1:])
        inputs = [s for s, n in zip(short.inputs, needed, strict=True) if n]
        body.notes[key] = renamed(Program(inputs, short.instructions, ends)), needed
    short, needed = body.notes[key]
    if all(used) and all(needed):
        return i
    params = {**i.params, "body": short}
    if i.primitive is ops.map:
        params["mapped"] = tuple(
            m for m, n in zip(i.params["mapped"], needed, strict=True) if n
        )
        params["summed"] = tuple(
            s for s, u in zip(i.params["summed"], used, strict=True) if u
        )
    inputs = [s for s, n in zip(i.inputs, needed, strict=True) if n]
    outputs = [s for s, u in zip(i.outputs, used, strict=True) if u]
    return Instruction(i.primitive, inputs, params, outputs, i.source)


def inline_once(program: Program) -> Program:
    """Bodies that are called once, in place: their instructions see the others."""
    counts: dict[Program, int] = {}
    for i in program.instructions:
        if i.primitive is ops.call:
            counts[i.params["body"]] = counts.get(i.params["body"], 0) + 1
    once = {body for body, n in counts.items() if n == 1}
    return inline_once(_inlined(program, once)) if once else program


def inline_empty(program: Program) -> Program:
    """Without the calls of bodies that only hand on what they are given."""
    calls = [i for i in program.instructions if i.primitive is ops.call]
    empty = {i.params["body"] for i in calls if not i.params["body"].instructions}
    return _inlined(program, empty) if empty else program


def _inlined(program: Program, bodies: set[Program]) -> Program:
    names: dict[Symbol, Symbol] = {}
    out: list[Instruction] = []
    for i in program.instructions:
        i = i.with_inputs([names.get(s, s) for s in i.inputs])
        if i.primitive is not ops.call or i.params["body"] not in bodies:
            out.append(i)
            continue
        body = renamed(i.params["body"])
        inner: dict[Symbol, Symbol] = dict(zip(body.inputs, i.inputs, strict=True))
        out += [
            j.with_inputs([inner.get(s, s) for s in j.inputs])
            for j in body.instructions
        ]
        names.update(
            (o, inner.get(s, s)) for o, s in zip(i.outputs, body.outputs, strict=True)
        )
    return Program(program.inputs, out, [names.get(s, s) for s in program.outputs])


def optimised_regions(program: Program, optimise: Any, key: Any) -> Program:
    """The program with every region as `optimise` makes it, once for each and `key`."""
    out, changed = [], False
    for i in program.instructions:
        body = i.params.get("body")
        if body is not None and i.primitive.family == "control":
            if ("optimised", key) not in body.notes:
                body.notes["optimised", key] = optimise(body)
            i = Instruction(
                i.primitive,
                i.inputs,
                {**i.params, "body": body.notes["optimised", key]},
                i.outputs,
                i.source,
            )
            changed = True
        out.append(i)
    return Program(program.inputs, out, program.outputs) if changed else program


__all__ = [
    "inline_empty",
    "inline_once",
    "merge_maps",
    "optimised_regions",
    "prune_regions",
    "renamed",
    "share_residuals",
    "simplify",
]
