"""Reuse between scans: one hands over values that a later one would compute again.

The derivative of a scan reads the carries of every iteration and computes the body's
values again from them. Those that cost something to make (products, exponentials, sums)
the first scan gives out for every iteration, and the second reads. They may take
`MOST_TIMES` what the first scan reads and keeps for every iteration anyway, or `ALWAYS`
bytes; else all is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..primitives import TensorType, ops
from ..program.ir import Instruction, Program, Symbol, renamed
from ..program.memo import derived
from .prune import without_dead_code
from .scan_stages import ALWAYS, MOST_TIMES, is_cheap
from .simplify import Rewriter


def hand_over(scans: Sequence[Instruction]) -> list[Instruction]:
    """The scans of a program, in its order; none computes a value that an earlier one
    has."""
    changed = list(scans)
    with_row: dict[Symbol, list[int]] = {}  # the scans that read or give a row
    for b, second in enumerate(changed):
        f = -1
        while True:  # the earlier ones that have a row in common, in their order
            rows = second.inputs[_begin_xs(second) :]
            common = [n for s in rows for n in with_row.get(s, ()) if n > f]
            if not common:
                break
            f = min(common)
            first = changed[f]
            if first.params["length"] == second.params["length"]:
                changed[f], second = _Pair(first, second).handed_over()
                for s in set(changed[f].outputs) - set(first.outputs):
                    with_row.setdefault(s, []).append(f)
        changed[b] = second
        given = second.outputs[second.params["carries"] :]
        for s in {*second.inputs[_begin_xs(second) :], *given}:
            with_row.setdefault(s, []).append(b)
    return changed


def _begin_xs(scan: Instruction) -> int:
    return int(scan.params["consts"] + scan.params["carries"])


def _apart(late: Program, early: Program) -> Program:
    """A copy of the body with symbols of its own: two scans may share a body, whose
    symbols then mean different values."""
    if set(late.inputs).isdisjoint(early.inputs):
        return late
    return derived(late, "apart", renamed)


class _Pair:
    def __init__(self, first: Instruction, second: Instruction) -> None:
        self.first, self.second = first, second
        self.early: Program = first.params["body"]
        self.late: Program = _apart(second.params["body"], self.early)
        self.maker = {s: j for j in self.late.instructions for s in j.outputs}

    def handed_over(self) -> tuple[Instruction, Instruction]:
        """Both scans, changed so that the first hands over values; unchanged where
        nothing is gained."""
        bound = self._bound()
        if not any(n >= _begin_xs(self.second) for n in bound):
            return self.first, self.second
        shared = self._shared(bound)
        wanted, gone = self._wanted(shared)
        if not wanted or not any(_is_costly(j) for j in gone):
            return self.first, self.second
        return self._rebuilt(wanted, shared)

    def _bound(self) -> dict[int, Symbol]:
        """For inputs of the second body, by index, the equal values of the first
        body."""
        p, count = self.first.params, _begin_xs(self.first)
        n = p["carries"]
        ys = self.early.outputs[n:]
        outer, inner = self.first.inputs, self.early.inputs
        fixed = dict(zip(outer[: p["consts"]], inner, strict=False))
        rows = dict(zip(outer[count:], inner[count:], strict=True))
        carried = (*ys, *inner[p["consts"] : count])
        rows.update(zip(self.first.outputs[n:], carried, strict=True))
        consts, begin = self.second.params["consts"], _begin_xs(self.second)
        bound: dict[int, Symbol] = {}
        for k, s in enumerate(self.second.inputs):
            table = fixed if k < consts else rows if k >= begin else {}
            if s in table:
                bound[k] = table[s]
        return bound

    def _shared(self, bound: dict[int, Symbol]) -> dict[Symbol, Symbol]:
        """For values of the second body the equal values of the first body."""
        joint = Rewriter()
        for j in self.early.instructions:
            joint.add(j)
        ours = {s for j in self.early.instructions for s in j.outputs}
        ours &= set(joint.maker)
        for k, s in bound.items():
            joint.bind(self.late.inputs[k], joint.read(s))
        for j in self.late.instructions:
            joint.add(j)
        return {
            j.outputs[0]: joint.read(j.outputs[0])
            for j in self.late.instructions
            if len(j.outputs) == 1 and joint.read(j.outputs[0]) in ours
        }

    def _wanted(
        self, shared: dict[Symbol, Symbol]
    ) -> tuple[list[Symbol], list[Instruction]]:
        """The values to hand over, and the instructions of the second body that these
        replace."""
        place = {j: n for n, j in enumerate(self.late.instructions)}
        own = self._made_by(self.late.outputs, set(shared))
        read = {s for j in own for s in j.inputs}.union(self.late.outputs)
        wanted = read.intersection(shared)
        changed = True
        while changed:
            changed = False
            for s in sorted(wanted, key=lambda s: -place[self.maker[s]]):
                j = self.maker[s]
                bases = [self._base(t) for t in j.inputs]
                ready = all(b in wanted or b not in shared for b in bases)
                if j.primitive.traits.view or not j.inputs or (is_cheap(j) and ready):
                    wanted.remove(s)
                    wanted.update(t for t in j.inputs if t in shared)
                    changed = True
                    break
        kept = self._made_by(self.late.outputs, wanted)
        gone = [j for j in self.late.instructions if j not in kept]
        return sorted(wanted, key=lambda s: place[self.maker[s]]), gone

    def _made_by(
        self, outputs: Sequence[Symbol], given: set[Symbol]
    ) -> set[Instruction]:
        makers: set[Instruction] = set()
        stack = [s for s in outputs if s not in given]
        while stack:
            j = self.maker.get(stack.pop())
            if j is not None and j not in makers:
                makers.add(j)
                stack += [s for s in j.inputs if s not in given]
        return makers

    def _base(self, s: Symbol) -> Symbol:
        j = self.maker.get(s)
        while j is not None and j.primitive.traits.view:
            s = j.inputs[0]
            j = self.maker.get(s)
        return s

    def _rebuilt(
        self, wanted: list[Symbol], shared: dict[Symbol, Symbol]
    ) -> tuple[Instruction, Instruction]:
        p, n = self.first.params, self.first.params["carries"]
        length = p["length"]
        ys = list(self.early.outputs[n:])
        rows = list(self.first.outputs[n : n + len(ys)])
        saved = self.first.outputs[n + len(ys) :]
        there = [*self.early.inputs[_begin_xs(self.first) :], *ys]
        there += self.early.inputs[p["consts"] : _begin_xs(self.first)]
        new = list(dict.fromkeys(t for s in wanted if (t := shared[s]) not in ys))
        if sum(t.type.nbytes for t in new) * length > max(
            ALWAYS, MOST_TIMES * length * sum(t.type.nbytes for t in there)
        ):
            return self.first, self.second
        ys += new
        rows += [Symbol(_stacked(t, length)) for t in new]
        outputs = (*self.first.outputs[:n], *rows, *saved)
        early, late = self._bodies(tuple(new), tuple(wanted))
        first = Instruction(
            ops.scan,
            self.first.inputs,
            {**p, "body": early},
            outputs,
            self.first.source,
        )
        given = [rows[ys.index(shared[s])] for s in wanted]
        second = Instruction(
            ops.scan,
            (*self.second.inputs, *given),
            {**self.second.params, "body": late},
            self.second.outputs,
            self.second.source,
        )
        return first, second

    def _bodies(
        self, new: tuple[Symbol, ...], wanted: tuple[Symbol, ...]
    ) -> tuple[Program, Program]:
        def giving(early: Program) -> Program:
            outputs = [*early.outputs, *new]
            return renamed(Program(early.inputs, early.instructions, outputs))

        def taking(late: Program) -> Program:
            rest = [j for j in late.instructions if j.outputs[0] not in wanted]
            inputs = [*late.inputs, *wanted]
            return renamed(without_dead_code(Program(inputs, rest, late.outputs)))

        return (
            derived(self.early, ("gives", new), giving),
            derived(self.late, ("takes", wanted), taking),
        )


def _stacked(s: Symbol, length: int) -> TensorType:
    return TensorType((length, *s.type.shape), s.type.dtype)


def _is_costly(j: Instruction) -> bool:
    if j.primitive.traits.cost is not None:
        return not is_cheap(j)
    return j.primitive.family not in ("movement", "source")


__all__ = ["hand_over"]
