"""Lowers each primitive, or family of them; control has a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...primitives import ops
from ...primitives.contraction import free_axes
from ...primitives.movement import padded_region
from ...primitives.sources import ConstantArray
from ...program.ir import Instruction, Program, Symbol
from .frame import Frame, Rule, window
from .instructions import (
    Argmax,
    Convolution,
    Cumsum,
    Dot,
    End,
    Factor,
    Fused,
    Index,
    Iota,
    Op,
    RandomBits,
    Sort,
    TriangularSolve,
)
from .operands import rows_for_products
from .views import Shape, View, memory_order

# ---- movement: no instruction at all, or a copy --------------------------------------


def _reshape(frame: Frame, i: Instruction, views: list[View]) -> None:
    shape = i.params["shape"]
    view = views[0].reshaped(shape) or frame.copied(views[0]).reshaped(shape)
    assert view is not None  # what is contiguous takes any shape
    frame.result(i, view)


def _transpose(frame: Frame, i: Instruction, views: list[View]) -> None:
    frame.result(i, views[0].transposed(i.params["permutation"]))


def _broadcast(frame: Frame, i: Instruction, views: list[View]) -> None:
    frame.result(i, views[0].broadcast(i.params["shape"]))


def _slice(frame: Frame, i: Instruction, views: list[View]) -> None:
    p = i.params
    frame.result(i, views[0].sliced(p["start"], p["stop"], p["step"]))


def _flip(frame: Frame, i: Instruction, views: list[View]) -> None:
    frame.result(i, views[0].flipped(i.params["axes"]))


def _pad(frame: Frame, i: Instruction, views: list[View]) -> None:
    x, p = views[0], i.params
    out = frame.fresh(i.outputs[0].type, x.order)
    fill = ConstantArray(np.asarray(p["value"], x.dtype.numpy), x.dtype)
    frame.copy(frame.constant(fill).broadcast(out.shape), out)
    cut = padded_region(x.shape, p["low"], p["interior"])
    start, stop, step = (
        tuple(getattr(c, name) for c in cut) for name in ("start", "stop", "step")
    )
    frame.copy(x, out.sliced(start, stop, step))
    frame.result(i, out)


def _concat(frame: Frame, i: Instruction, views: list[View]) -> None:
    axis = i.params["axis"]
    longest = max(views, key=lambda v: v.shape[axis])
    out = frame.joined.get(i.outputs[0])
    if out is None:
        out = frame.fresh(i.outputs[0].type, longest.order)
    begin = 0
    for view in views:
        part = window(out, axis, begin, view.shape[axis])
        begin += view.shape[axis]
        if view != part:  # else it was written there
            frame.copy(view, part)
    frame.result(i, out)


def _identity(frame: Frame, i: Instruction, views: list[View]) -> None:
    frame.result(i, views[0])


# ---- elementwise and reductions ------------------------------------------------------


def _elementwise(frame: Frame, i: Instruction, views: list[View]) -> None:
    count = len(views)
    op = _op(i, range(count))
    shape = i.outputs[0].type.shape
    _emit_fused(frame, shape, views, [op], [count], [None], (), i.outputs)


def _reduction(frame: Frame, i: Instruction, views: list[View]) -> None:
    axes, name = i.params["axes"], i.primitive.name
    _emit_fused(frame, views[0].shape, views, [], [0], [name], axes, i.outputs)


def _fused(frame: Frame, i: Instruction, views: list[View]) -> None:
    p = i.params
    body: Program = p["body"]
    registers: dict[Symbol, int] = {s: n for n, s in enumerate(body.inputs)}
    ops = []
    for inner in body.instructions:
        ops.append(_op(inner, [registers[s] for s in inner.inputs]))
        registers[inner.outputs[0]] = len(body.inputs) + len(ops) - 1
    values = [registers[s] for s in body.outputs]
    shape, reductions, axes = p["shape"], p["reductions"], p["axes"]
    _emit_fused(frame, shape, views, ops, values, reductions, axes, i.outputs)


def _op(i: Instruction, registers: Sequence[int]) -> Op:
    a, b, c = (*registers, -1, -1, -1)[:3]
    dtype = i.outputs[0].type.dtype
    exponent = int(i.params.get("exponent", 0))
    return Op(i.primitive.opcode, dtype.code, a, b, c, exponent)


def _emit_fused(
    frame: Frame,
    shape: Shape,
    views: Sequence[View],
    made: Sequence[Op],
    values: Sequence[int],
    reductions: Sequence[str | None],
    axes: Shape,
    outputs: Sequence[Symbol],
) -> None:
    """Emits one instruction that runs the ops `made` on each element and writes the
    registers `values`, each reduced over `axes` or not."""
    inputs = [v.broadcast(shape) for v in views]
    order = _preferred_order(shape, inputs)
    rest = [a for a in range(len(shape)) if a not in axes]
    ends: list[End] = []
    out_views: list[View | None] = []
    for value, reduction, symbol in zip(values, reductions, outputs, strict=True):
        ends.append(End(value, ops.table[reduction].opcode if reduction else 0))
        if not reduction:
            out = frame.place_for(symbol, order)
            frame.views[symbol] = out
            out_views.append(out)
            continue
        small = [rest.index(a) for a in order if a not in axes]
        out = frame.fresh(symbol.type, small)
        frame.views[symbol] = out
        strides = [0] * len(shape)
        for a, s in zip(rest, out.strides, strict=True):
            strides[a] = s
        ones = tuple(1 if a in axes else n for a, n in enumerate(shape))
        out_views.append(View(out.root, out.dtype, ones, tuple(strides)))
    reduced = sum(1 << a for a in axes)
    params = Fused(reduced, tuple(shape), tuple(made), tuple(ends))
    frame.emit(ops.fused.opcode, inputs, out_views, params)


def _preferred_order(shape: Shape, inputs: Sequence[View]) -> Shape:
    """The memory order of the input of which most bytes are read; row-major where none
    reads any."""
    best, most = tuple(range(len(shape))), 0
    for v in inputs:
        reach = 1
        for n, s in zip(v.shape, v.strides, strict=True):
            reach *= n if s else 1
        if reach > most:
            best, most = memory_order(v.shape, v.strides), reach
    return best


def _argmax(frame: Frame, i: Instruction, views: list[View]) -> None:
    x, axes = views[0], i.params["axes"]
    rest = [a for a in range(len(x.shape)) if a not in axes]
    order = [rest.index(a) for a in x.order if a not in axes]
    out = frame.fresh(i.outputs[0].type, order)
    inputs = [x.transposed((*rest, *axes))]
    frame.emit(i.primitive.opcode, inputs, [out], Argmax(len(axes)))
    frame.result(i, out)


def _cumsum(frame: Frame, i: Instruction, views: list[View]) -> None:
    out = frame.fresh(i.outputs[0].type, views[0].order)
    params = Cumsum(i.params["axis"], i.params["reverse"])
    frame.emit(i.primitive.opcode, views, [out], params)
    frame.result(i, out)


def _sort(frame: Frame, i: Instruction, views: list[View]) -> None:
    outputs = [frame.fresh(s.type, views[0].order) for s in i.outputs]
    frame.emit(i.primitive.opcode, views, outputs, Sort(i.params["axis"]))
    frame.views.update(zip(i.outputs, outputs, strict=True))


# ---- contractions --------------------------------------------------------------------


def _dot_general(frame: Frame, i: Instruction, views: list[View]) -> None:
    lhs, rhs = views
    p = i.params
    m = free_axes(len(lhs.shape), p["lhs_contract"], p["lhs_batch"])
    n = free_axes(len(rhs.shape), p["rhs_contract"], p["rhs_batch"])
    out = frame.place_for(i.outputs[0])
    contracted = len(p["lhs_contract"])
    params = Dot(batch=len(p["lhs_batch"]), m=len(m), n=len(n), k=contracted)
    rhs = rows_for_products(frame, i, rhs)
    lhs = lhs.transposed((*p["lhs_batch"], *m, *p["lhs_contract"]))
    rhs = rhs.transposed((*p["rhs_batch"], *p["rhs_contract"], *n))
    frame.emit(i.primitive.opcode, [lhs, rhs], [out], params)
    frame.result(i, out)


def _convolution(frame: Frame, i: Instruction, views: list[View]) -> None:
    p = i.params
    b = p["batch"]
    order = None
    if frame.limits.channels_fastest and i.primitive is not ops.conv_weight_gradient:
        order = (*range(b), b, b + 2, b + 3, b + 1)
    out = frame.fresh(i.outputs[0].type, order)
    params = Convolution(b, p["stride"], p["padding"], p["dilation"])
    frame.emit(i.primitive.opcode, views, [out], params)
    frame.result(i, out)


def _linear_algebra(frame: Frame, i: Instruction, views: list[View]) -> None:
    outputs = [frame.fresh(s.type) for s in i.outputs]
    solves = i.primitive is ops.triangular_solve
    params = TriangularSolve(**i.params) if solves else Factor()
    frame.emit(i.primitive.opcode, views, outputs, params)
    frame.views.update(zip(i.outputs, outputs, strict=True))


# ---- indexing and sources ------------------------------------------------------------


def _indexing(frame: Frame, i: Instruction, views: list[View]) -> None:
    out = frame.fresh(i.outputs[0].type)
    params = Index(i.params["axis"], i.params["batch"])
    frame.emit(i.primitive.opcode, views, [out], params)
    frame.result(i, out)


def _constant(frame: Frame, i: Instruction, views: list[View]) -> None:
    frame.result(i, frame.constant(i.params["value"]))


def _iota(frame: Frame, i: Instruction, views: list[View]) -> None:
    out = frame.fresh(i.outputs[0].type)
    frame.emit(i.primitive.opcode, [], [out], Iota(i.params["axis"]))
    frame.result(i, out)


def _random_bits(frame: Frame, i: Instruction, views: list[View]) -> None:
    out = frame.fresh(i.outputs[0].type)
    frame.emit(i.primitive.opcode, [frame.as_contiguous(views[0])], [out], RandomBits())
    frame.result(i, out)


# By the name of a primitive, or by its family.
RULES: dict[str, Rule] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast": _broadcast,
    "slice": _slice,
    "flip": _flip,
    "pad": _pad,
    "concat": _concat,
    "identity": _identity,
    "elementwise": _elementwise,
    "reduction": _reduction,
    "fused": _fused,
    "argmax": _argmax,
    "cumsum": _cumsum,
    "sort": _sort,
    "dot_general": _dot_general,
    "convolution": _convolution,
    "linear_algebra": _linear_algebra,
    "indexing": _indexing,
    "constant": _constant,
    "iota": _iota,
    "random_bits": _random_bits,
}
