"""Divides the body of a scan into stages: the instructions before the loop, in it, and
behind it; see `scans`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..primitives import ops
from ..primitives.primitive import NotBatchable
from ..program.ir import Instruction, Program, Symbol

MOST_TIMES = 4  # what passes between stages, against what a scan reads and keeps
ALWAYS = 1 << 20  # bytes


@dataclass
class Stages:
    """
    fixed      instructions that read constants alone: once, before the loop
    before     those for all iterations at once, before it
    loop, behind
    handed_in  what the loop reads of `fixed` and `before`
    kept       what `behind` reads of the loop, its carries included
    sums       of each carry that only adds up: the terms of an iteration; it has left
    """

    fixed: list[Instruction]
    before: list[Instruction]
    loop: list[Instruction]
    behind: list[Instruction]
    handed_in: list[Symbol]
    kept: list[Symbol]
    sums: dict[int, list[Symbol]]


def stages(
    body: Program, consts: int, carries: int, length: int, saved: Sequence[bool]
) -> Stages | None:
    """The stages of a body, or None where all of it is best left in the loop.

    saved   of each carry, whether somebody reads what it was before every iteration
    """
    choice = _Choice(body, consts, carries, length, saved)
    division = choice.made(choice.sums)
    if division is not None and choice.fits(division):
        return division
    division = choice.made({}, only_fixed=True)
    return division if division is not None and division.fixed else None


class _Choice:
    def __init__(
        self,
        body: Program,
        consts: int,
        carries: int,
        length: int,
        saved: Sequence[bool],
    ) -> None:
        self.body, self.length = body, length
        self.constants = set(body.inputs[:consts])
        self.carries = body.inputs[consts : consts + carries]
        self.xs = set(body.inputs[consts + carries :])
        self.ends = body.outputs[:carries]
        self.ys = body.outputs[carries:]
        self.saved = saved
        self.maker = {s: j for j in body.instructions for s in j.outputs}
        self.place = {j: n for n, j in enumerate(body.instructions)}
        self.readers: dict[Symbol, int] = {}
        reads = [s for j in body.instructions for s in j.inputs]
        for s in (*reads, *body.outputs):
            self.readers[s] = self.readers.get(s, 0) + 1
        self.moving: set[Symbol] = set(self.carries)  # what a carry reaches
        self.varying: set[Symbol] = set(self.xs)
        self.pinned: set[Symbol] = set()  # what may not be computed elsewhere
        for j in body.instructions:
            if not _can_move(j) or any(s in self.pinned for s in j.inputs):
                self.pinned.update(j.outputs)
            if any(s in self.moving for s in j.inputs):
                self.moving.update(j.outputs)
            if any(s in self.varying for s in j.inputs):
                self.varying.update(j.outputs)
        found = [self._terms(k) for k in range(carries)]
        self.sums = {k: terms for k, terms in enumerate(found) if terms}

    # ---- carries that only add up ----------------------------------------------------

    def _terms(self, k: int) -> list[Symbol]:
        """The terms added to carry k, if it is only added to and one term is a product
        or a sum; else none."""
        carry, end = self.carries[k], self.ends[k]
        if self.saved[k] or self.readers.get(carry) != 1 or end is carry:
            return []
        terms = self._addends(end, carry)
        if terms.count(carry) != 1:
            return []
        terms.remove(carry)
        if any(s in self.pinned for s in terms):
            return []
        makers = [self.maker.get(s) for s in terms]
        large = any(
            j is not None and (j.primitive is ops.dot_general or _reduces(j))
            for j in makers
        )
        return terms if large else []

    def _addends(self, s: Symbol, carry: Symbol) -> list[Symbol]:
        j = self.maker.get(s)
        if j is None or j.primitive is not ops.add or self.readers[s] != 1:
            return [s]
        if any(t.type != s.type for t in j.inputs):
            return [s]
        parts = [p for t in j.inputs for p in self._addends(t, carry)]
        apart = carry in parts or any(
            p in self.maker and self.maker[p].primitive is ops.dot_general
            for p in parts
        )
        return parts if apart else [s]

    # ---- stages ----------------------------------------------------------------------

    def made(
        self, sums: dict[int, list[Symbol]], only_fixed: bool = False
    ) -> Stages | None:
        ends = [s for k, s in enumerate(self.ends) if k not in sums]
        terms = [s for found in sums.values() for s in found]
        held = self.ys if only_fixed else [s for s in self.ys if s in self.pinned]
        late = self._needed([*self.ys, *terms])
        needed = self._needed([*ends, *held])
        free, loop, behind = [], set(), []
        for j in self.body.instructions:
            if self._waits(j):
                if j in needed:
                    loop.add(j)
                elif j in late:
                    behind.append(j)
            elif not (only_fixed and self._varies(j)):
                free.append(j)
            elif j in needed:
                loop.add(j)
        loop |= self._pulled_in(behind, loop)
        behind = [j for j in behind if j not in loop]
        handed_in, again = self._handed_in(free, loop, ends)
        loop |= again
        wanted = [s for j in behind for s in j.inputs] + terms
        if not only_fixed:
            wanted += [s for s in self.ys if s not in self.xs]
        needed = self._needed([*handed_in, *wanted])
        free = [j for j in free if j in needed]
        outside = {s for j in free for s in j.outputs}
        inside = {s for j in loop for s in j.outputs}.union(self.carries) - outside
        fixed = [j for j in free if not self._varies(j)]
        before = [j for j in free if self._varies(j)]
        if not (fixed or before or behind or sums):
            return None
        kept = list(dict.fromkeys(s for s in wanted if s in inside))
        in_order = [j for j in self.body.instructions if j in loop]
        return Stages(fixed, before, in_order, behind, handed_in, kept, sums)

    def _waits(self, j: Instruction) -> bool:
        """Whether an instruction depends on a carry, or may not leave the loop."""
        return any(s in self.moving or s in self.pinned for s in j.outputs)

    def _varies(self, j: Instruction) -> bool:
        return any(s in self.varying for s in j.outputs)

    def _needed(self, wanted: Iterable[Symbol]) -> set[Instruction]:
        instructions: set[Instruction] = set()
        stack = list(wanted)
        while stack:
            j = self.maker.get(stack.pop())
            if j is not None and j not in instructions:
                instructions.add(j)
                stack += j.inputs
        return instructions

    def _base(self, s: Symbol) -> Symbol:
        """The value that a view, or a view of a view, shows."""
        j = self.maker.get(s)
        while j is not None and j.primitive.traits.view and s not in self.pinned:
            s = j.inputs[0]
            j = self.maker.get(s)
        return s

    def _pulled_in(
        self,
        behind: Sequence[Instruction],
        loop: set[Instruction],
    ) -> set[Instruction]:
        """The instructions behind the loop that are cheaper in it, where their operands
        are."""
        there = {s for j in loop for s in j.outputs}.union(self.carries)
        instructions: set[Instruction] = set()
        later = set(behind)
        for j in behind:
            bases = [self._base(s) for s in j.inputs]
            joins = is_cheap(j) or j.primitive is ops.concat
            if joins and all(b in there or b not in self.moving for b in bases):
                instructions.add(j)
                instructions.update(v for v in self._views(j.inputs) if v in later)
                there.update(j.outputs)
        return instructions

    def _views(self, symbols: Iterable[Symbol]) -> list[Instruction]:
        views, stack = [], list(symbols)
        while stack:
            j = self.maker.get(stack.pop())
            if j is not None and j.primitive.traits.view:
                views.append(j)
                stack += j.inputs
        return views

    def _handed_in(
        self,
        free: Sequence[Instruction],
        loop: set[Instruction],
        ends: Sequence[Symbol],
    ) -> tuple[list[Symbol], set[Instruction]]:
        """The values that the loop reads of free instructions, and the cheap
        instructions that it computes itself, since it has their operands."""
        available = set(free)
        read = {s for j in loop for s in j.inputs}.union(ends)
        kept = {s for s in read if self.maker.get(s) in available}
        again: set[Instruction] = set()
        changed = True
        while changed:
            changed = False
            for s in sorted(kept, key=self._place, reverse=True):
                j = self.maker[s]
                operands = [t for t in j.inputs if self.maker.get(t) in available]
                view = j.primitive.traits.view or not j.inputs
                ready = all(self._is_there(t, kept) for t in operands)
                if view or (is_cheap(j) and self._varies(j) and ready):
                    kept.remove(s)
                    kept.update(operands)
                    again.add(j)
                    changed = True
                    break
        return sorted(kept, key=self._place), again

    def _is_there(self, s: Symbol, kept: set[Symbol]) -> bool:
        base = self._base(s)
        j = self.maker.get(base)
        return base in kept or j is None or not j.inputs

    def _place(self, s: Symbol) -> tuple[int, int]:
        j = self.maker[s]
        return self.place[j], j.outputs.index(s)

    # ---- memory ----------------------------------------------------------------------

    def fits(self, division: Stages) -> bool:
        computed_before = {s for j in division.before for s in j.outputs}
        passed = [s for s in division.handed_in if s in computed_before]
        passed += [s for s in division.kept if s not in set(self.ys)]
        there = [*self.xs, *self.ys]
        there += [s for s, kept in zip(self.carries, self.saved, strict=True) if kept]
        most = max(ALWAYS, MOST_TIMES * self._stacked(there))
        summed = self._summed(division)
        at_once = [
            self._stacked(j.outputs)
            for j in (*division.before, *division.behind)
            if not j.primitive.traits.view and j.outputs[0] not in summed
        ]
        return max(self._stacked(passed), *at_once, 0) <= most

    def _summed(self, division: Stages) -> set[Symbol]:
        return {
            s
            for terms in division.sums.values()
            for s in terms
            if s in self.maker and self.maker[s].primitive is ops.dot_general
        }

    def _stacked(self, symbols: Iterable[Symbol]) -> int:
        return self.length * sum(s.type.nbytes for s in symbols)


def _can_move(j: Instruction) -> bool:
    batched = not j.inputs or not isinstance(j.primitive.batch, NotBatchable)
    return batched and j.primitive is not ops.barrier


def _reduces(j: Instruction) -> bool:
    return j.primitive.family == "reduction"


def is_cheap(j: Instruction) -> bool:
    cost = j.primitive.traits.cost
    return cost is not None and cost <= 1.0


__all__ = ["ALWAYS", "MOST_TIMES", "Stages", "is_cheap", "stages"]
