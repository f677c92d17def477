"""Rematerialisation: chooses the results of fused groups that their readers compute
again.

A value that leaves a group is written to memory and read back by each group that uses
it. Where it follows from values that are in memory anyway (the output of a convolution,
say, from which a normalisation, a ReLU and their derivatives are a few operations), it
is cheaper for each reader to compute it again while the data is in the cache.

The choice compares estimated costs, which depend on sizes and the device's `Limits`
alone: of a value with n elements, in units of one simple operation over n elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Protocol

from ..program.ir import Instruction, Program, Symbol
from .limits import Limits


class Group(Protocol):
    """The part of a group, instructions that run as one, that this pass reads."""

    shape: tuple[int, ...]
    members: list[tuple[int, Instruction]]
    results: set[Symbol]
    inputs: set[Symbol]


def to_compute_again(
    program: Program,
    home: Mapping[int, Group],
    outside: Set[Symbol],
    limits: Limits,
) -> set[Symbol]:
    """The values to rematerialise: each leaves its group, and its readers compute it
    again."""
    return _Choice(program, home, outside, limits).made()


class _Choice:
    def __init__(
        self,
        program: Program,
        home: Mapping[int, Group],
        outside: Set[Symbol],
        limits: Limits,
    ) -> None:
        self.instructions = program.instructions
        self.home = home
        self.outside = outside
        self.limits = limits
        self.maker = {s: i for i in program.instructions for s in i.outputs}
        self.again: set[Symbol] = set()
        self.kept = set(program.outputs)
        self.readers: dict[Symbol, list[int]] = {}
        for k, i in enumerate(program.instructions):
            for s in i.inputs:
                self.readers.setdefault(s, []).append(k)
        # by identity of the group: the values that it reads and computes
        groups = {id(g): g for g in home.values()}
        self.reads = {n: g.inputs - g.results for n, g in groups.items()}
        self.computes = {n: set(g.results) for n, g in groups.items()}

    def made(self) -> set[Symbol]:
        for k, i in enumerate(self.instructions):
            if i.primitive.family == "elementwise" and i.outputs[0] in self.outside:
                self._consider(k, i.outputs[0])
        return self.again

    def _consider(self, k: int, value: Symbol) -> None:
        readers = self._reading_groups(k, value)
        if not readers:
            return
        steps, leaves = self._expansion(value)
        limits = self.limits
        reading = limits.cost_of_reading(value.type.nbytes)
        storing = (2 + len(readers)) * reading
        computing = 0.0
        plans = []
        for g in readers:
            computes, reads = self.computes[id(g)], self.reads[id(g)]
            more = [i for i in steps if i.outputs[0] not in computes]
            computing += sum(i.primitive.traits.cost or 0.0 for i in more)
            for s in leaves - reads - computes:
                share = self._bytes(s) / max(value.type.nbytes, 1)
                computing += min(share, 1.0) * reading
            new_computes = computes | {i.outputs[0] for i in steps}
            new_reads = (reads | leaves) - new_computes
            if len(new_computes) > limits.fused_operations:
                return
            if len(new_reads) > limits.fused_inputs:
                return
            plans.append((g, new_computes, new_reads))
        if computing >= storing:
            return
        self.again.add(value)
        for g, new_computes, new_reads in plans:
            self.computes[id(g)], self.reads[id(g)] = new_computes, new_reads

    def _reading_groups(self, k: int, value: Symbol) -> Sequence[Group]:
        """The groups that read the value; none if anything outside of groups reads it,
        too."""
        if value in self.kept:
            return ()
        own, found = self.home[k], {}
        for reader in self.readers[value]:
            group = self.home.get(reader)
            if group is None or group.shape != value.type.shape:
                return ()
            if group is not own:
                found[id(group)] = group
        return list(found.values())

    def _expansion(self, value: Symbol) -> tuple[list[Instruction], set[Symbol]]:
        """The instructions that compute the value from values in memory, and these
        values."""
        steps: dict[Symbol, Instruction] = {}
        leaves: set[Symbol] = set()
        wanted = [value]
        while wanted:
            s = wanted.pop()
            maker = self.maker.get(s)
            inner = s is value or s not in self.outside or s in self.again
            if (
                maker is None
                or not inner
                or maker.primitive.family != "elementwise"
                or s.type.shape != value.type.shape
            ):
                leaves.add(s)
            elif s not in steps:
                steps[s] = maker
                wanted += maker.inputs
        return list(steps.values()), leaves

    def _bytes(self, s: Symbol) -> int:
        """The bytes of a value in memory: a broadcast value is no larger than its
        source."""
        maker = self.maker.get(s)
        while maker is not None and maker.primitive.traits.view:
            origin = maker.inputs[0]
            if origin.type.size > s.type.size:  # a slice: no more than that is read
                break
            s = origin
            maker = self.maker.get(s)
        return s.type.nbytes
