"""Fusion: elementwise chains, with the reductions at their ends, become one
instruction.

A group runs where its last member stood; that is allowed as long as nobody outside
needs one of its results earlier.
"""

from __future__ import annotations

from typing import Any

from ..primitives import ops
from ..program.ir import Instruction, Program, Symbol
from .identities import ends_of_rectifier
from .limits import Limits
from .prune import without_dead_code
from .recompute import to_compute_again


class _Group:
    """Members of one iteration space, in order; at most one set of reduced axes."""

    __slots__ = ("axes", "first_use", "inputs", "members", "results", "shape")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.axes: tuple[int, ...] | None = None
        self.members: list[tuple[int, Instruction]] = []
        self.results: set[Symbol] = set()
        self.inputs: set[Symbol] = set()
        self.first_use = 1 << 60  # the first instruction outside that needs a result


def fuse(program: Program, limits: Limits, argmax: bool) -> Program:
    """The program with its elementwise instructions grouped; regions are left alone.

    limits   of a group
    argmax   whether it may be among the reductions of a group
    """
    group_of: dict[Symbol, _Group] = {}
    alive: dict[int, _Group] = {}
    home: dict[int, _Group] = {}
    for position, i in enumerate(program.instructions):
        shape = _space(i, argmax)
        group = None if shape is None else _choose(i, shape, group_of, limits)
        if shape is not None and (group or i.primitive is not ops.argmax):
            if group is None:
                group = _Group(shape)
                alive[id(group)] = group
            group = _join(group, i, position, group_of, home, alive, limits)
        for s in i.inputs:
            other = group_of.get(s)
            if other is not None and other is not group:
                other.first_use = min(other.first_use, position)
    return _rebuilt(program, home, group_of, limits)


def _space(i: Instruction, argmax: bool) -> tuple[int, ...] | None:
    """The iteration shape of an instruction that can be fused; None for any other."""
    if i.primitive.family == "elementwise":
        return i.outputs[0].type.shape
    reduces = i.primitive.traits.associative or (argmax and i.primitive is ops.argmax)
    if reduces and i.params["axes"]:
        return i.inputs[0].type.shape
    return None


def _choose(
    i: Instruction,
    shape: tuple[int, ...],
    group_of: dict[Symbol, _Group],
    limits: Limits,
) -> _Group | None:
    """The group of an operand, if the instruction may join it."""
    best = None
    for s in i.inputs:
        g = group_of.get(s)
        if (
            g is not None
            and g.shape == shape
            and _allows(g, i, limits)
            and (best is None or g.members[-1][0] > best.members[-1][0])
        ):
            best = g
    return best


def _allows(g: _Group, i: Instruction, limits: Limits) -> bool:
    if g.first_use < 1 << 60 or len(g.members) >= limits.fused_operations:
        return False
    if len(g.inputs.union(i.inputs) - g.results) > limits.fused_inputs:
        return False
    if i.primitive.family == "reduction":
        return g.axes in (None, i.params["axes"])
    # what is reduced cannot be read in the same pass
    return not any(s in g.results and s.type.shape != g.shape for s in i.inputs)


def _join(
    g: _Group,
    i: Instruction,
    position: int,
    group_of: dict[Symbol, _Group],
    home: dict[int, _Group],
    alive: dict[int, _Group],
    limits: Limits,
) -> _Group:
    for s in i.inputs:  # other groups of the same space come along
        other = group_of.get(s)
        if (
            other is None
            or other is g
            or other.shape != g.shape
            or other.first_use < 1 << 60
        ):
            continue
        together = len(g.members) + len(other.members) < limits.fused_operations
        axes = {a for a in (g.axes, other.axes) if a is not None}
        inputs = (g.inputs | other.inputs) - g.results - other.results
        if (
            not together
            or len(axes) > 1
            or len(inputs) > limits.fused_inputs
            or not _separate(g, other)
            or not _allows(other, i, limits)
        ):
            continue
        g.members = sorted([*g.members, *other.members], key=lambda m: m[0])
        g.results |= other.results
        g.inputs |= other.inputs
        g.axes = g.axes or other.axes
        for k, _ in other.members:
            home[k] = g
        for r in other.results:
            group_of[r] = g
        alive.pop(id(other), None)
    g.members.append((position, i))
    g.inputs.update(i.inputs)
    g.results.update(i.outputs)
    if i.primitive.family == "reduction":
        g.axes = i.params["axes"]
    home[position] = g
    group_of[i.outputs[0]] = g
    return g


def _separate(a: _Group, b: _Group) -> bool:
    """Whether neither group reads a value that the other reduces."""
    reduced = {
        s
        for g in (a, b)
        for _, i in g.members
        if i.primitive.family == "reduction"
        for s in i.outputs
    }
    return not any(s in reduced for g in (a, b) for _, i in g.members for s in i.inputs)


def _rebuilt(
    program: Program,
    home: dict[int, _Group],
    group_of: dict[Symbol, _Group],
    limits: Limits,
) -> Program:
    outside: set[Symbol] = set(program.outputs)
    for k, i in enumerate(program.instructions):
        mine = home.get(k)
        outside.update(
            s for s in i.inputs if group_of.get(s) is not mine or mine is None
        )
    again = to_compute_again(program, home, outside, limits)
    maker = {s: i for i in program.instructions for s in i.outputs}
    # values of other groups that nobody stores: whoever reads one computes it
    inner = {
        s: maker[s]
        for s in group_of
        if (s not in outside or s in again)
        and maker[s].primitive.family == "elementwise"
    }
    outside -= again
    out = []
    for k, i in enumerate(program.instructions):
        g = home.get(k)
        if g is None:
            out.append(i)
        elif g.members[-1][0] == k:
            alone = len(g.members) == 1 and i.outputs[0] not in again
            if alone and not any(s in again for s in i.inputs):
                out.append(i)
            else:
                out += _instruction(g, outside, inner)
    return Program(program.inputs, out, program.outputs)


class _Body:
    """The program of a fused instruction, while it is written."""

    def __init__(self, shape: tuple[int, ...], inner: dict[Symbol, Instruction]):
        self.shape = shape
        self.inner = inner
        self.names: dict[Symbol, Symbol] = {}
        self.inputs: list[Symbol] = []
        self.instructions: list[Instruction] = []
        self.made_by: dict[Symbol, Instruction] = {}

    def read(self, s: Symbol) -> Symbol:
        if s not in self.names:
            if s in self.inner and s.type.shape == self.shape:
                self.compute(self.inner[s])
            else:
                self.inputs.append(s)
                self.names[s] = Symbol(s.type)
        return self.names[s]

    def compute(self, i: Instruction) -> None:
        operands = [self.read(s) for s in i.inputs]
        mask = self._mask_that_chose(i, operands)
        if mask is not None:
            self.names[i.outputs[0]] = mask
            return
        result = self.names[i.outputs[0]] = Symbol(i.outputs[0].type)
        instruction = Instruction(i.primitive, operands, i.params, [result], i.source)
        self.instructions.append(instruction)
        self.made_by[result] = instruction

    def _mask_that_chose(self, i: Instruction, operands: list[Symbol]) -> Symbol | None:
        """If i is y ≤ c and the body has y = where(x ≤ c, c, x): the mask x ≤ c, which
        is equal to y ≤ c."""
        chosen = self.made_by.get(operands[0])
        if chosen is None or chosen.primitive is not ops.where:
            return None
        mask, *chosen_from = chosen.inputs
        compared = self.made_by.get(mask)
        if compared is None or compared.primitive is not i.primitive:
            return None
        same = compared.inputs[1] is operands[1]
        return mask if same and ends_of_rectifier(compared) == (*chosen_from,) else None

    def program(self, outputs: list[Symbol]) -> tuple[Program, list[Symbol]]:
        """The program of these outputs alone, and the outer symbols that it takes as
        inputs."""
        ends = [self.names[s] for s in self.inputs]
        pruned = without_dead_code(Program(ends, self.instructions, outputs))
        used = {s for i in pruned.instructions for s in i.inputs} | set(outputs)
        inputs = [s for s in self.inputs if self.names[s] in used]
        ends = [self.names[s] for s in inputs]
        return Program(ends, pruned.instructions, outputs), inputs


def _instruction(
    g: _Group, outside: set[Symbol], inner: dict[Symbol, Instruction]
) -> list[Instruction]:
    """The group as one instruction; none where nothing of it is stored."""
    body = _Body(g.shape, inner)
    ends: list[tuple[Symbol, Symbol, Any]] = []  # (in the body, outside, reduction)
    for _, i in g.members:
        result = i.outputs[0]
        if i.primitive.family == "reduction":
            ends.append((body.read(i.inputs[0]), result, i.primitive.name))
            continue
        if result not in body.names:
            body.compute(i)
        if result in outside:
            ends.append((body.names[result], result, None))
    if not ends:
        return []
    whole, inputs = body.program([e for e, _, _ in ends])
    params = {
        "body": whole,
        "shape": g.shape,
        "axes": g.axes or (),
        "reductions": tuple(r for _, _, r in ends),
    }
    source = next((i.source for _, i in reversed(g.members) if i.source), None)
    return [Instruction(ops.fused, inputs, params, [s for _, s, _ in ends], source)]
