"""Runs an encoded plan with NumPy: what phynexus.h says, in a hundred lines of Python.

For tests of the planner, without an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..dtypes import ALL
from ..primitives import all_primitives
from ..primitives.control_map import fixed_tree_sum
from .plan.encode import Encoded
from .plan.instructions import (
    NAMES,
    Argmax,
    Call,
    Copy,
    Dot,
    Fused,
    Iota,
    Map,
    RandomBits,
    Record,
    Scan,
)
from .plan.params import decoded

DTYPES = {d.code: d for d in ALL}
PRIMITIVES = {p.opcode: p for p in all_primitives()}


class Interpreter:
    def __init__(self, plan: Encoded) -> None:
        self.plan = plan

    def run(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Arrays of bytes; outputs are written."""
        self.region(
            len(self.plan.regions) - 1,
            [(b, 0) for b in inputs],
            [(b, 0) for b in outputs],
        )

    def region(self, number: int, inputs: Any, outputs: Any) -> None:
        region = self.plan.regions[number]
        scratch = np.full(
            int(region["scratch_bytes"]) or 1, 0xAB, np.uint8
        )  # nothing may rely on zeros
        bases = {
            0: [(scratch, 0)],
            1: inputs,
            2: outputs,
            3: [(self.plan.constants, 0)],
        }
        first = region["first_instruction"]
        for i in self.plan.instructions[first : first + region["instructions"]]:
            self.step(i, bases)

    def where(self, index: int, bases: Any) -> tuple[Any, int]:
        v = self.plan.values[index]
        memory, base = bases[int(v["space"])][int(v["index"])]
        return memory, base + int(v["offset"])

    def view(self, index: int, bases: Any) -> Any:
        v = self.plan.values[index]
        memory, offset = self.where(index, bases)
        dtype = DTYPES[int(v["dtype"])].numpy
        rank = int(v["rank"])
        shape, strides = v["shape"][:rank], v["strides"][:rank]
        if not np.prod(shape, dtype=int):
            return np.empty(shape, dtype)
        reach = [
            int(s) * (int(n) - 1) * dtype.itemsize
            for n, s in zip(shape, strides, strict=True)
        ]
        assert offset + sum(min(r, 0) for r in reach) >= 0, (
            "a view begins before its memory"
        )
        assert (
            offset + sum(max(r, 0) for r in reach) + dtype.itemsize <= memory.nbytes
        ), "a view leaves its memory"
        start = memory[offset:].view(np.uint8)[: dtype.itemsize].view(dtype)
        return as_strided(start, shape, [int(s) * dtype.itemsize for s in strides])

    def step(self, i: Any, bases: Any) -> None:
        operands = self.plan.operands[
            i["first_operand"] : i["first_operand"] + i["inputs"] + i["outputs"]
        ]
        ins, outs = operands[: i["inputs"]], operands[i["inputs"] :]
        opcode, first = int(i["opcode"]), i["first_param"]
        numbers = self.plan.params[first : first + i["params"]].tolist()
        params = decoded(opcode, numbers, len(ins), len(outs))
        region = int(i["region"])
        if isinstance(params, Call):
            self.call(region, ins, outs, bases)
        elif isinstance(params, Map):
            self.map(region, ins, outs, params, bases)
        elif isinstance(params, Scan):
            self.scan(region, ins, outs, params, bases)
        else:
            xs = [np.array(self.view(k, bases)) for k in ins]
            results = _results(opcode, params, xs, [self.plan.values[k] for k in outs])
            for k, r in zip(outs, results, strict=True):
                target = self.view(k, bases)
                target[...] = r

    # ---- control ---------------------------------------------------------------------

    def call(self, region: int, ins: Any, outs: Any, bases: Any) -> None:
        self.region(
            region,
            [self.where(k, bases) for k in ins],
            [self.where(k, bases) for k in outs],
        )

    def step_bytes(self, index: int) -> int:
        v = self.plan.values[index]
        return int(v["strides"][0]) * DTYPES[int(v["dtype"])].itemsize

    def map(self, region: int, ins: Any, outs: Any, params: Map, bases: Any) -> None:
        summed = params.summed
        terms: list[list[Any]] = [[] for _ in outs]
        for i in range(params.iterations):
            places = []
            for k, m in zip(ins, params.mapped, strict=True):
                memory, offset = self.where(k, bases)
                places.append(
                    (memory, offset + i * self.step_bytes(k) if m else offset)
                )
            targets = []
            for k, s in zip(outs, summed, strict=True):
                memory, offset = self.where(k, bases)
                targets.append(
                    (memory, offset if s else offset + i * self.step_bytes(k))
                )
            self.region(region, places, targets)
            for column, k, s in zip(terms, outs, summed, strict=True):
                if s:
                    column.append(np.array(self.view(k, bases)))
        for column, k, s in zip(terms, outs, summed, strict=True):
            if s:
                self.view(k, bases)[...] = fixed_tree_sum(column)

    def scan(self, region: int, ins: Any, outs: Any, params: Scan, bases: Any) -> None:
        consts, carries, ys = params.consts, len(params.carries), params.ys
        order = range(params.length)
        scratch = bases[0][0][0]
        sizes = [
            int(
                np.prod(
                    self.plan.values[k]["shape"][: self.plan.values[k]["rank"]],
                    dtype=int,
                )
            )
            * DTYPES[int(self.plan.values[k]["dtype"])].itemsize
            for k in ins[consts : consts + carries]
        ]
        now = [self.where(k, bases) for k in ins[consts : consts + carries]]
        for n, i in enumerate(reversed(order) if params.reverse else order):

            def at(k: int, i: int = i) -> Any:
                memory, offset = self.where(k, bases)
                return memory, offset + i * self.step_bytes(k)

            for k, place, size in zip(outs[carries + ys :], now, sizes, strict=True):
                if k >= 0:
                    memory, offset = at(k)
                    memory[offset : offset + size] = place[0][
                        place[1] : place[1] + size
                    ]
            new = [(scratch, int(turns[n % 2])) for turns in params.carries]
            places = [
                *(self.where(k, bases) for k in ins[:consts]),
                *now,
                *(at(k) for k in ins[consts + carries :]),
            ]
            self.region(
                region, places, [*new, *(at(k) for k in outs[carries : carries + ys])]
            )
            now = new
        for k, place, size in zip(outs[:carries], now, sizes, strict=True):
            memory, offset = self.where(k, bases)
            memory[offset : offset + size] = place[0][place[1] : place[1] + size]


# ---- instructions without a region ---------------------------------------------------


def _results(opcode: int, params: Record, xs: Sequence[Any], outs: Any) -> Any:
    """The results of the primitives' NumPy kernels for an instruction's inputs."""
    if isinstance(params, Fused):
        return _fused(params, xs)
    if isinstance(params, Copy):
        return xs
    shape = tuple(int(n) for n in outs[0]["shape"][: outs[0]["rank"]])
    named = asdict(params)
    if isinstance(params, Argmax):
        rank = xs[0].ndim
        named = {"axes": tuple(range(rank - params.reduced, rank))}
    elif isinstance(params, Dot):
        named = _dot_axes(params)
    elif isinstance(params, Iota):
        named |= {"shape": shape, "dtype": DTYPES[int(outs[0]["dtype"])]}
    elif isinstance(params, RandomBits):
        named = {"shape": shape}
    elif NAMES[opcode] in ("conv_input_gradient", "conv_weight_gradient"):
        named["size"] = shape[-2:]
    return PRIMITIVES[opcode].reference(*xs, **named)


def _fused(params: Fused, xs: Sequence[Any]) -> list[Any]:
    registers = list(xs)
    assert all(x.shape == params.shape for x in xs)
    for op in params.ops:
        static: dict[str, Any] = {}
        if NAMES[op.opcode] in ("cast", "bitcast"):
            static["dtype"] = DTYPES[op.dtype]
        if NAMES[op.opcode] == "integer_pow":
            static["exponent"] = op.immediate
        arguments = [registers[r] for r in op.registers]
        registers.append(PRIMITIVES[op.opcode].reference(*arguments, **static)[0])
    axes = params.axes
    results = []
    for end in params.ends:
        value = registers[end.value]
        if end.reduction:
            reduced = PRIMITIVES[end.reduction].reference(value, axes=axes)[0]
            value = np.expand_dims(reduced, axes)
        results.append(value)
    return results


def _dot_axes(p: Dot) -> dict[str, Any]:
    batch = tuple(range(p.batch))
    return {
        "lhs_contract": tuple(range(p.batch + p.m, p.batch + p.m + p.k)),
        "rhs_contract": tuple(range(p.batch, p.batch + p.k)),
        "lhs_batch": batch,
        "rhs_batch": batch,
    }
