"""Runs an encoded plan with NumPy: what phynexus.h says, in a hundred lines of Python.

For tests of the planner, without an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..dtypes import ALL
from ..primitives import all_primitives
from ..primitives.control_map import fixed_tree_sum
from .plan.encode import Encoded

DTYPES = {d.code: d for d in ALL}
PRIMITIVES = {p.opcode: p for p in all_primitives()}
NAMES = {p.opcode: p.name for p in all_primitives()}


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
        params = [
            int(p)
            for p in self.plan.params[i["first_param"] : i["first_param"] + i["params"]]
        ]
        kind = NAMES.get(int(i["opcode"]), "copy")
        if kind in ("call", "map", "scan"):
            getattr(self, kind)(int(i["region"]), ins, outs, params, bases)
            return
        xs = [self.view(k, bases) for k in ins]
        results = getattr(self, f"do_{kind}", self.plain)(
            kind, xs, params, [self.plan.values[k] for k in outs]
        )
        for k, r in zip(outs, results, strict=True):
            target = self.view(k, bases)
            target[...] = r

    def do_copy(self, kind: str, xs: Any, params: Any, outs: Any) -> Any:
        return [np.array(xs[0])]

    def do_fused(self, kind: str, xs: Any, params: Any, outs: Any) -> Any:
        ops, ends, mask, rank, *rest = params
        shape, rest = rest[:rank], rest[rank:]
        axes = tuple(d for d in range(rank) if mask >> d & 1)
        registers = [np.array(x) for x in xs]
        assert all(list(x.shape) == shape for x in xs)
        for k in range(ops):
            opcode, dtype, a, b, c, immediate = rest[6 * k : 6 * k + 6]
            arguments = [registers[r] for r in (a, b, c) if r >= 0]
            static: dict[str, Any] = {}
            if NAMES[opcode] in ("cast", "bitcast"):
                static["dtype"] = DTYPES[dtype]
            if NAMES[opcode] == "integer_pow":
                static["exponent"] = immediate
            registers.append(PRIMITIVES[opcode].reference(*arguments, **static)[0])
        results = []
        for k in range(ends):
            register, reduction = rest[6 * ops + 2 * k : 6 * ops + 2 * k + 2]
            value = registers[register]
            if reduction:
                value = np.expand_dims(
                    PRIMITIVES[reduction].reference(value, axes=axes)[0], axes
                )
            results.append(value)
        return results

    def do_argmax(self, kind: str, xs: Any, params: Any, outs: Any) -> Any:
        axes = tuple(range(xs[0].ndim - params[0], xs[0].ndim))
        return PRIMITIVES[74].reference(np.array(xs[0]), axes=axes)

    def do_dot_general(self, kind: str, xs: Any, params: Any, outs: Any) -> Any:
        batch, m, _, k = params
        b = tuple(range(batch))
        return PRIMITIVES[80].reference(
            np.array(xs[0]),
            np.array(xs[1]),
            lhs_contract=tuple(range(batch + m, batch + m + k)),
            rhs_contract=tuple(range(batch, batch + k)),
            lhs_batch=b,
            rhs_batch=b,
        )

    def plain(self, kind: str, xs: Any, params: Any, outs: Any) -> Any:
        shape = tuple(int(n) for n in outs[0]["shape"][: outs[0]["rank"]])
        named: dict[str, Any] = {}
        if kind.startswith("conv"):
            batch, sh, sw, top, bottom, left, right, dh, dw = params
            named = {
                "batch": batch,
                "stride": (sh, sw),
                "padding": ((top, bottom), (left, right)),
                "dilation": (dh, dw),
            }
            if kind != "conv_general":
                named["size"] = shape[-2:]
        elif kind in ("gather", "scatter", "scatter_add"):
            named = {"axis": params[0], "batch": params[1]}
        elif kind == "cumsum":
            named = {"axis": params[0], "reverse": bool(params[1])}
        elif kind == "sort":
            named = {"axis": params[0]}
        elif kind == "triangular_solve":
            names = ("lower", "transpose", "unit_diagonal")
            named = {n: bool(p) for n, p in zip(names, params, strict=True)}
        elif kind == "iota":
            named = {
                "shape": shape,
                "axis": params[0],
                "dtype": DTYPES[int(outs[0]["dtype"])],
            }
        elif kind == "random_bits":
            named = {"shape": shape}
        primitive = next(p for p in all_primitives() if p.name == kind)
        return primitive.reference(*[np.array(x) for x in xs], **named)

    # ---- control ---------------------------------------------------------------------

    def call(self, region: int, ins: Any, outs: Any, params: Any, bases: Any) -> None:
        self.region(
            region,
            [self.where(k, bases) for k in ins],
            [self.where(k, bases) for k in outs],
        )

    def step_bytes(self, index: int) -> int:
        v = self.plan.values[index]
        return int(v["strides"][0]) * DTYPES[int(v["dtype"])].itemsize

    def map(self, region: int, ins: Any, outs: Any, params: Any, bases: Any) -> None:
        iterations, _, *flags = params
        mapped, summed = flags[: len(ins)], flags[len(ins) :]
        terms: list[list[Any]] = [[] for _ in outs]
        for i in range(iterations):
            places = []
            for k, m in zip(ins, mapped, strict=True):
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

    def scan(self, region: int, ins: Any, outs: Any, params: Any, bases: Any) -> None:
        _, length, consts, carries, _, ys, reverse, *turns = params
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
        for n, i in enumerate(reversed(range(length)) if reverse else range(length)):

            def at(k: int, i: int = i) -> Any:
                memory, offset = self.where(k, bases)
                return memory, offset + i * self.step_bytes(k)

            for k, place, size in zip(outs[carries + ys :], now, sizes, strict=True):
                if k >= 0:
                    memory, offset = at(k)
                    memory[offset : offset + size] = place[0][
                        place[1] : place[1] + size
                    ]
            new = [(scratch, turns[2 * c + n % 2]) for c in range(carries)]
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
