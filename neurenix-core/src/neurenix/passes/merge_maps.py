"""Merges independent maps over equally many iterations.

The forward and the backward map of a loss go over the same iterations, and the second
does not wait for the first: one map, whose body shares what both compute.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from ..primitives import ops
from ..program.ir import Instruction, Program, Symbol, renamed


def merge_maps(program: Program) -> Program:
    """The program with maps merged that have equally many iterations and do not depend
    on each other."""
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
    return program.made_of(_sorted(program.inputs, out), program.outputs)


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
    """A topological order, as near as possible to the given one."""
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
