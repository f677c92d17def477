"""The plan: a program lowered to what a native engine runs.

Movement becomes strides and offsets; elementwise instructions become fused ones; every
value gets its place in memory. Layouts are chosen here: convolutions keep channels
fastest, elementwise results take the order of their largest input, and what a caller can
see is contiguous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..primitives import TensorType, ops
from ..primitives.contraction import free_axes
from ..primitives.movement import padded_region
from ..primitives.sources import ConstantArray
from .ir import Instruction, Program, Symbol
from .layout import Block, Shape, View, contiguous, dense, memory_order
from .memory import place

COPY = 97  # movement that is left over: no primitive of its own
FUSED = ops.fused.opcode


@dataclass
class Step:
    """One engine instruction. Parameters may be Blocks: their offsets, once known."""

    opcode: int
    inputs: list[View]
    outputs: list[View | None]
    params: list[Any]
    region: int = -1
    source: str | None = None


@dataclass
class Region:
    steps: list[Step]
    inputs: int
    output_strides: list[Shape]
    scratch: int = 0
    index: int = -1


@dataclass
class Plan:
    """Regions in an order in which each comes after those that it uses; the last is all."""

    program: Program
    regions: list[Region] = field(default_factory=list)


def make_plan(program: Program, state: int = 0) -> Plan:
    """`state`: the first outputs replace the first inputs, in place."""
    plan = Plan(program)
    memo: dict[Any, Region] = {}
    inputs = [contiguous(t.shape) for t in program.input_types]
    _Lowering(plan, memo, program, inputs, state, visible=len(program.outputs)).run()
    return plan


class _Lowering:
    """Lowers one region. `visible`: how many leading outputs must be contiguous."""

    def __init__(
        self,
        plan: Plan,
        memo: dict[Any, Region],
        program: Program,
        input_strides: Sequence[Shape],
        state: int = 0,
        visible: int = 0,
    ) -> None:
        self.plan = plan
        self.memo = memo
        self.program = program
        self.state = state
        self.visible = visible
        self.steps: list[Step] = []
        self.blocks: list[Block] = []
        self.views: dict[Symbol, View] = {
            s: View(("input", i), s.type.dtype, s.type.shape, strides)
            for i, (s, strides) in enumerate(
                zip(program.inputs, input_strides, strict=True)
            )
        }

    def run(self) -> Region:
        for instruction in self.program.instructions:
            self.source = instruction.source
            lower = getattr(self, f"_{instruction.primitive.name}", None) or getattr(
                self, f"_family_{instruction.primitive.family}"
            )
            lower(instruction, [self.views[s] for s in instruction.inputs])
        self.source = None
        outputs = self._store_outputs()
        self._live_ranges()
        region = Region(self.steps, len(self.program.inputs), outputs)
        region.scratch = place(
            b for b in self.blocks if b.home is None and b.first >= 0
        )
        region.index = len(self.plan.regions)
        self.plan.regions.append(region)
        return region

    # ---- help ---------------------------------------------------------------------------

    def block(self, nbytes: int) -> Block:
        made = Block(nbytes)
        self.blocks.append(made)
        return made

    def fresh(self, type: TensorType, order: Sequence[int] | None = None) -> View:
        strides = contiguous(type.shape) if order is None else dense(type.shape, order)
        return View(self.block(type.nbytes), type.dtype, type.shape, strides)

    def emit(
        self,
        opcode: int,
        inputs: Sequence[View],
        outputs: Sequence[View | None],
        params: Sequence[Any],
        region: int = -1,
    ) -> None:
        self.steps.append(
            Step(opcode, list(inputs), list(outputs), list(params), region, self.source)
        )

    def copied(self, view: View, order: Sequence[int] | None = None) -> View:
        out = self.fresh(TensorType(view.shape, view.dtype), order)
        self.emit(COPY, [view], [out], [])
        return out

    def as_contiguous(self, view: View) -> View:
        return view if view.is_contiguous else self.copied(view)

    def result(self, instruction: Instruction, view: View) -> None:
        self.views[instruction.outputs[0]] = view

    # ---- movement: no instruction at all, or a copy ------------------------------------------

    def _reshape(self, i: Instruction, views: list[View]) -> None:
        shape = i.params["shape"]
        self.result(
            i, views[0].reshaped(shape) or self.copied(views[0]).reshaped(shape)
        )  # type: ignore[arg-type]

    def _transpose(self, i: Instruction, views: list[View]) -> None:
        self.result(i, views[0].transposed(i.params["permutation"]))

    def _broadcast(self, i: Instruction, views: list[View]) -> None:
        self.result(i, views[0].broadcast(i.params["shape"]))

    def _slice(self, i: Instruction, views: list[View]) -> None:
        self.result(
            i, views[0].sliced(i.params["start"], i.params["stop"], i.params["step"])
        )

    def _flip(self, i: Instruction, views: list[View]) -> None:
        self.result(i, views[0].flipped(i.params["axes"]))

    def _pad(self, i: Instruction, views: list[View]) -> None:
        import numpy as np

        x, p = views[0], i.params
        out = self.fresh(i.outputs[0].type, x.order)
        fill = ConstantArray(np.asarray(p["value"], x.dtype.numpy), x.dtype)
        self.emit(COPY, [self.constant(fill).broadcast(out.shape)], [out], [])
        cut = padded_region(x.shape, p["low"], p["interior"])
        window = out.sliced(
            *(tuple(getattr(c, n) for c in cut) for n in ("start", "stop", "step"))
        )
        self.emit(COPY, [x], [window], [])
        self.result(i, out)

    def _concat(self, i: Instruction, views: list[View]) -> None:
        axis = i.params["axis"]
        out = self.fresh(
            i.outputs[0].type,
            max(views, key=lambda v: len(v.shape) and v.shape[axis]).order,
        )
        begin = 0
        for view in views:
            start, stop = [0] * len(out.shape), list(out.shape)
            start[axis], stop[axis] = begin, begin + view.shape[axis]
            begin = stop[axis]
            window = out.sliced(tuple(start), tuple(stop), (1,) * len(out.shape))
            self.emit(COPY, [view], [window], [])
        self.result(i, out)

    def _family_identity(self, i: Instruction, views: list[View]) -> None:
        self.result(i, views[0])

    def _constant(self, i: Instruction, views: list[View]) -> None:
        self.result(i, self.constant(i.params["value"]))

    def constant(self, value: ConstantArray) -> View:
        return View(
            ("constant", value),
            value.type.dtype,
            value.type.shape,
            contiguous(value.type.shape),
        )

    # ---- elementwise and reductions ----------------------------------------------------------

    def _family_elementwise(self, i: Instruction, views: list[View]) -> None:
        registers = list(range(len(views)))
        record = _micro_op(i, registers)
        self.fuse(
            i.outputs[0].type.shape,
            views,
            [record],
            [len(views)],
            [None],
            (),
            i.outputs,
        )

    def _family_reduction(self, i: Instruction, views: list[View]) -> None:
        axes = i.params["axes"]
        self.fuse(views[0].shape, views, [], [0], [i.primitive.name], axes, i.outputs)

    def _fused(self, i: Instruction, views: list[View]) -> None:
        body: Program = i.params["body"]
        registers: dict[Symbol, int] = {s: n for n, s in enumerate(body.inputs)}
        records = []
        for op in body.instructions:
            records.append(_micro_op(op, [registers[s] for s in op.inputs]))
            registers[op.outputs[0]] = len(body.inputs) + len(records) - 1
        ends = [registers[s] for s in body.outputs]
        self.fuse(
            i.params["shape"],
            views,
            records,
            ends,
            i.params["reductions"],
            i.params["axes"],
            i.outputs,
        )

    def fuse(
        self,
        shape: Shape,
        views: Sequence[View],
        records: Sequence[Sequence[int]],
        ends: Sequence[int],
        reductions: Sequence[str | None],
        axes: Shape,
        outputs: Sequence[Symbol],
    ) -> None:
        inputs = [v.broadcast(shape) for v in views]
        order = _preferred_order(shape, inputs)
        rest = [a for a in range(len(shape)) if a not in axes]
        params: list[Any] = [
            len(records),
            len(ends),
            sum(1 << a for a in axes),
            len(shape),
            *shape,
        ]
        for r in records:
            params += r
        out_views: list[View | None] = []
        for end, reduction, symbol in zip(ends, reductions, outputs, strict=True):
            params += [end, ops.table[reduction].opcode if reduction else 0]
            if not reduction:
                out = self.fresh(symbol.type, order)
                self.views[symbol] = out
                out_views.append(out)
                continue
            small = [rest.index(a) for a in order if a not in axes]
            out = self.fresh(symbol.type, small)
            self.views[symbol] = out
            strides = [0] * len(shape)
            for a, s in zip(rest, out.strides, strict=True):
                strides[a] = s
            ones = tuple(1 if a in axes else n for a, n in enumerate(shape))
            out_views.append(View(out.root, out.dtype, ones, tuple(strides)))
        self.emit(FUSED, inputs, out_views, params)

    def _argmax(self, i: Instruction, views: list[View]) -> None:
        axes = i.params["axes"]
        x = views[0]
        rest = [a for a in range(len(x.shape)) if a not in axes]
        order = [rest.index(a) for a in x.order if a not in axes]
        out = self.fresh(i.outputs[0].type, order)
        self.emit(
            i.primitive.opcode, [x.transposed((*rest, *axes))], [out], [len(axes)]
        )
        self.result(i, out)

    # ---- contractions --------------------------------------------------------------------------

    def _dot_general(self, i: Instruction, views: list[View]) -> None:
        lhs, rhs = views
        p = i.params
        m = free_axes(len(lhs.shape), p["lhs_contract"], p["lhs_batch"])
        n = free_axes(len(rhs.shape), p["rhs_contract"], p["rhs_batch"])
        out = self.fresh(i.outputs[0].type)
        params = [len(p["lhs_batch"]), len(m), len(n), len(p["lhs_contract"])]
        lhs = lhs.transposed((*p["lhs_batch"], *m, *p["lhs_contract"]))
        rhs = rhs.transposed((*p["rhs_batch"], *p["rhs_contract"], *n))
        self.emit(i.primitive.opcode, [lhs, rhs], [out], params)
        self.result(i, out)

    def _family_convolution(self, i: Instruction, views: list[View]) -> None:
        p = i.params
        batch = p["batch"]
        rank = batch + 4
        order = (
            *range(batch),
            batch,
            batch + 2,
            batch + 3,
            batch + 1,
        )  # channels fastest
        is_weight = i.primitive is ops.conv_weight_gradient
        out = self.fresh(i.outputs[0].type, None if is_weight else order)
        (top, bottom), (left, right) = p["padding"]
        params = [batch, *p["stride"], top, bottom, left, right, *p["dilation"]]
        assert len(out.shape) == rank
        self.emit(i.primitive.opcode, views, [out], params)
        self.result(i, out)

    # ---- index and sources -------------------------------------------------------------------------

    def _family_indexing(self, i: Instruction, views: list[View]) -> None:
        out = self.fresh(i.outputs[0].type)
        self.emit(
            i.primitive.opcode, views, [out], [i.params["axis"], i.params["batch"]]
        )
        self.result(i, out)

    def _iota(self, i: Instruction, views: list[View]) -> None:
        out = self.fresh(i.outputs[0].type)
        self.emit(i.primitive.opcode, [], [out], [i.params["axis"]])
        self.result(i, out)

    def _random_bits(self, i: Instruction, views: list[View]) -> None:
        out = self.fresh(i.outputs[0].type)
        self.emit(i.primitive.opcode, [self.as_contiguous(views[0])], [out], [])
        self.result(i, out)

    # ---- control ----------------------------------------------------------------------------------

    def region(
        self, body: Program, strides: Sequence[Shape], visible: int = 0
    ) -> Region:
        key = (body, tuple(strides), visible)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = _Lowering(
                self.plan, self.memo, body, strides, 0, visible
            ).run()
        return found

    def outputs_of(
        self, i: Instruction, region: Region, leads: Sequence[int | None]
    ) -> list[View | None]:
        """Dense outputs in the region's own layouts; `leads`: the size of a stacked axis."""
        made: list[View | None] = []
        for symbol, strides, lead in zip(
            i.outputs, region.output_strides, leads, strict=True
        ):
            shape = symbol.type.shape if lead is None else symbol.type.shape[1:]
            if lead is not None:
                size = 1
                for n in shape:
                    size *= n
                strides = (max(size, 1), *strides)
            view = View(
                self.block(symbol.type.nbytes),
                symbol.type.dtype,
                symbol.type.shape,
                tuple(strides),
            )
            self.views[symbol] = view
            made.append(view)
        return made

    def _call(self, i: Instruction, views: list[View]) -> None:
        region = self.region(i.params["body"], [v.strides for v in views])
        scratch = self.block(region.scratch)
        outputs = self.outputs_of(i, region, [None] * len(i.outputs))
        self.emit(i.primitive.opcode, views, outputs, [scratch], region.index)

    def _map(self, i: Instruction, views: list[View]) -> None:
        p = i.params
        strides = [
            v.strides[1:] if m else v.strides
            for v, m in zip(views, p["mapped"], strict=True)
        ]
        region = self.region(p["body"], strides)
        leads = [None if s else p["iterations"] for s in p["summed"]]
        outputs = self.outputs_of(i, region, leads)
        flags = [*map(int, p["mapped"]), *map(int, p["summed"])]
        self.emit(
            i.primitive.opcode,
            views,
            outputs,
            [p["iterations"], p["chunk"], *flags],
            region.index,
        )

    def _scan(self, i: Instruction, views: list[View]) -> None:
        p = i.params
        consts, carries, length = p["consts"], p["carries"], p["length"]
        views = [
            self.as_contiguous(v) if consts <= n < consts + carries else v
            for n, v in enumerate(views)
        ]
        strides = [
            v.strides if n < consts + carries else v.strides[1:]
            for n, v in enumerate(views)
        ]
        body: Program = p["body"]
        region = self.region(body, strides, visible=len(body.outputs))
        ys = len(body.outputs) - carries
        outputs: list[View | None] = []
        used = {s for j in self.program.instructions for s in j.inputs} | set(
            self.program.outputs
        )
        for n, symbol in enumerate(i.outputs):
            if n >= carries + ys and symbol not in used:
                outputs.append(None)
                continue
            self.views[symbol] = self.fresh(symbol.type)
            outputs.append(self.views[symbol])
        scratch = self.block(region.scratch)
        turns = [
            self.block(t.nbytes) for t in body.output_types[:carries] for _ in range(2)
        ]
        xs = len(views) - consts - carries
        params = [scratch, length, consts, carries, xs, ys, int(p["reverse"]), *turns]
        self.emit(i.primitive.opcode, views, outputs, params, region.index)

    # ---- outputs ------------------------------------------------------------------------------------

    def _store_outputs(self) -> list[Shape]:
        """Let producers write outputs in place where they can; copy the others."""
        strides: list[Shape] = []
        taken: set[Any] = set()
        late: list[tuple[View, View]] = []
        for n, symbol in enumerate(self.program.outputs):
            view = self.views[symbol]
            natural = view.is_dense and n >= self.visible
            direct = (
                isinstance(view.root, Block)
                and view.root not in taken
                and view.offset == 0
                and view.root.nbytes == symbol.type.nbytes
                and (natural or view.is_contiguous)
                and (n >= self.state or self._may_overwrite(n, view))
            )
            if direct:
                taken.add(view.root)
                view.root.home = ("output", n)
                strides.append(view.strides)
                continue
            out = View(("output", n), view.dtype, view.shape, contiguous(view.shape))
            if (
                isinstance(view.root, tuple)
                and view.root[0] == "input"
                and view.root[1] < self.state
            ):
                view = self.copied(view)  # a later copy may overwrite it
            late.append((view, out))
            strides.append(out.strides)
        for view, out in late:
            self.emit(COPY, [view], [out], [])
        return strides

    def _may_overwrite(self, n: int, view: View) -> bool:
        """Whether the state input n is never read after its new value is written, but
        element by element in the very step that writes it."""
        writing = [
            k
            for k, s in enumerate(self.steps)
            if any(o is not None and o.root is view.root for o in s.outputs)
        ]
        if len(writing) != 1:
            return False
        for k, step in enumerate(self.steps):
            for v in step.inputs:
                if v.root != ("input", n):
                    continue
                alike = (
                    v.strides == view.strides
                    and v.offset == 0
                    and v.shape == view.shape
                )
                stored = step.opcode == FUSED and step.params[2] == 0
                if k > writing[0] or (k == writing[0] and not (alike and stored)):
                    return False
        return not any(
            self.views[s].root == ("input", n)
            for m, s in enumerate(self.program.outputs)
            if m != n
        )

    def _live_ranges(self) -> None:
        for k, step in enumerate(self.steps):
            touched = [v.root for v in (*step.inputs, *step.outputs) if v is not None]
            touched += [p for p in step.params if isinstance(p, Block)]
            for root in touched:
                if isinstance(root, Block):
                    root.first = k if root.first < 0 else root.first
                    root.last = k


def _micro_op(i: Instruction, registers: Sequence[int]) -> list[int]:
    a, b, c = (*registers, -1, -1, -1)[:3]
    return [
        i.primitive.opcode,
        i.outputs[0].type.dtype.code,
        a,
        b,
        c,
        int(i.params.get("exponent", 0)),
    ]


def _preferred_order(shape: Shape, inputs: Sequence[View]) -> Shape:
    """The memory order of the input that reads most memory, if that says anything."""
    best, most = tuple(range(len(shape))), 0
    for v in inputs:
        reach = 1
        for n, s in zip(v.shape, v.strides, strict=True):
            reach *= n if s else 1
        if reach > most:
            best, most = memory_order(v.shape, v.strides), reach
    return best
