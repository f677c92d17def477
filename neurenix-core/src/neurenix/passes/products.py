"""Merges sums of products that share an operand into one product with the other
operands' sum.

a·x + b·x is (a + b)·x. The derivative of a derivative adds up such terms for a weight
that met the same input twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..primitives import ops
from ..primitives.contraction import free_axes
from ..program.ir import Instruction, Program, Symbol, params_key
from .prune import without_dead_code
from .simplify import Rewriter

_WORTH = 8  # multiplications for each addition that takes their place


def merged_products(program: Program) -> Program:
    """The program with such sums as one product where that is less work."""
    if sum(i.primitive is ops.dot_general for i in program.instructions) < 2:
        return program
    readers: dict[Symbol, list[Instruction]] = {}
    for i in program.instructions:
        for s in i.inputs:
            readers.setdefault(s, []).append(i)
    outside = set(program.outputs)
    maker = {s: i for i in program.instructions for s in i.outputs}

    def within(s: Symbol) -> bool:
        return len(readers.get(s, ())) == 1 and s not in outside

    def addends(i: Instruction) -> list[Symbol]:
        found: list[Symbol] = []
        for s in i.inputs:
            j = maker.get(s)
            if j is not None and _adds(j) and within(s):
                found += addends(j)
            else:
                found.append(s)
        return found

    r, changed = Rewriter(), False
    for i in program.instructions:
        inner = within(i.outputs[0]) and _adds(readers[i.outputs[0]][0])
        terms = addends(i) if _adds(i) and not inner else []
        alone = [maker[s] for s in terms if s in maker and within(s)]
        groups = _groups([j for j in alone if j.primitive is ops.dot_general])
        if not groups:
            r.add(i)
            continue
        changed = True
        gone = {s for group, _ in groups for j in group for s in j.outputs}
        parts = [r.read(s) for s in terms if s not in gone]
        parts += [_product(r, group, side) for group, side in groups]
        total = parts[0]
        for part in parts[1:]:
            total = r.emit(ops.add, (total, part), {}, i.source)
        r.bind(i.outputs[0], total)
    if not changed:
        return program
    outputs = [r.read(s) for s in program.outputs]
    return without_dead_code(program.made_of(r.instructions, outputs))


def _adds(i: Instruction) -> bool:
    return i.primitive is ops.add and all(s.type == i.outputs[0].type for s in i.inputs)


def _groups(products: Sequence[Instruction]) -> list[tuple[list[Instruction], int]]:
    """Groups of products that share one operand, each with the side of the other
    operand."""
    found: list[tuple[list[Instruction], int]] = []
    rest = list(products)
    for side in (0, 1):
        tables: dict[object, list[Instruction]] = {}
        for j in rest:
            key = (params_key(j.params), j.inputs[1 - side], j.inputs[side].type)
            tables.setdefault(key, []).append(j)
        for group in tables.values():
            if len(group) > 1 and _multiplications(group[0], side) >= _WORTH:
                found.append((group, side))
                rest = [j for j in rest if j not in group]
    return found


def _multiplications(j: Instruction, side: int) -> int:
    """How many multiplications each element of the operand on this side takes part
    in."""
    name = ("lhs", "rhs")[1 - side]
    shape, p = j.inputs[1 - side].type.shape, j.params
    free = free_axes(len(shape), p[f"{name}_contract"], p[f"{name}_batch"])
    return math.prod(shape[a] for a in free)


def _product(r: Rewriter, group: Sequence[Instruction], side: int) -> Symbol:
    first = group[0]
    total = r.read(first.inputs[side])
    for j in group[1:]:
        total = r.emit(ops.add, (total, r.read(j.inputs[side])), {}, j.source)
    operands = [r.read(s) for s in first.inputs]
    operands[side] = total
    return r.emit(ops.dot_general, tuple(operands), first.params, first.source)
