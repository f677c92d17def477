"""Identities of movement and arithmetic: only those that hold for every value, NaN and
infinity included."""

from __future__ import annotations

from ..primitives import Primitive, TensorType, all_primitives, ops
from ..program.ir import Instruction, Symbol
from .rewriter import Params, Rewriter, Symbols, shortcut


def _through(r: Rewriter, s: Symbol, primitive: Primitive) -> Instruction | None:
    producer = r.maker.get(s)
    return (
        producer if producer is not None and producer.primitive is primitive else None
    )


@shortcut(ops.reshape)
def _reshape(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    if xs[0].type.shape == out.shape:
        return xs[0]
    before = _through(r, xs[0], ops.reshape)
    return r.emit(ops.reshape, before.inputs, p, source) if before else None


@shortcut(ops.transpose)
def _transpose(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    permutation = p["permutation"]
    if permutation == tuple(range(len(permutation))):
        return xs[0]
    before = _through(r, xs[0], ops.transpose)
    if before is None:
        return None
    inner = before.params["permutation"]
    return r.emit(
        ops.transpose,
        before.inputs,
        {"permutation": tuple(inner[i] for i in permutation)},
        source,
    )


@shortcut(ops.broadcast)
def _broadcast(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    if xs[0].type.shape == out.shape:
        return xs[0]
    before = _through(r, xs[0], ops.broadcast)
    return r.emit(ops.broadcast, before.inputs, p, source) if before else None


@shortcut(ops.slice)
def _slice(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    return xs[0] if xs[0].type.shape == out.shape else None


@shortcut(ops.pad)
def _pad(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    return xs[0] if xs[0].type.shape == out.shape else None


@shortcut(ops.cast)
def _cast(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    return xs[0] if xs[0].type.dtype is out.dtype else None


def _over_no_axes(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    return xs[0] if xs[0].type == out else None


for _primitive in all_primitives():
    if _primitive.traits.associative:
        shortcut(_primitive)(_over_no_axes)


@shortcut(ops.neg)
def _neg(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    before = _through(r, xs[0], ops.neg)
    return before.inputs[0] if before else None


@shortcut(ops.integer_pow)
def _integer_pow(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    if p["exponent"] == 1:
        return xs[0]
    return r.emit(ops.mul, (xs[0], xs[0]), {}, source) if p["exponent"] == 2 else None


@shortcut(ops.mul)
def _mul(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    for a, b in (xs, xs[::-1]):
        if r.uniform(b) == 1 and a.type == out:
            return a
    return None


@shortcut(ops.dot_general)
def _dot_general(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    product = _outer_product(r, xs, p, out, source)
    return product if product is not None else _of_transposed(r, xs, p, out, source)


def _of_transposed(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    """A product of a transposed operand: it reads axes in any order, so that the
    transposition goes."""
    for n, name in enumerate(("lhs", "rhs")):
        before = _through(r, xs[n], ops.transpose)
        if before is None:
            continue
        order = before.params["permutation"]
        contract, batch = p[f"{name}_contract"], p[f"{name}_batch"]
        free = [a for a in range(len(order)) if a not in contract and a not in batch]
        if [order[a] for a in free] != sorted(order[a] for a in free):
            continue  # the result's axes would change places
        operands = tuple(before.inputs[0] if k == n else x for k, x in enumerate(xs))
        axes = {
            f"{name}_contract": tuple(order[a] for a in contract),
            f"{name}_batch": tuple(order[a] for a in batch),
        }
        return r.emit(ops.dot_general, operands, {**p, **axes}, source)
    return None


def _outer_product(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    """A sum over one term is a product, which fuses with its neighbours."""
    lhs, rhs = (x.type.shape for x in xs)
    if p["lhs_batch"] or any(lhs[a] != 1 for a in p["lhs_contract"]):
        return None
    rows = tuple(n for a, n in enumerate(lhs) if a not in p["lhs_contract"])
    columns = tuple(n for a, n in enumerate(rhs) if a not in p["rhs_contract"])
    left = r.emit(
        ops.reshape, (xs[0],), {"shape": (*rows, *(1,) * len(columns))}, source
    )
    right = r.emit(ops.reshape, (xs[1],), {"shape": columns}, source)
    return r.emit(ops.mul, (left, right), {}, source)


@shortcut(ops.div)
def _div(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    return xs[0] if r.uniform(xs[1]) == 1 and xs[0].type == out else None


@shortcut(ops.sub)
def _add(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    # x + 0 is x but for the sign of a zero, which nothing here tells apart
    return xs[0] if r.uniform(xs[1]) == 0 and xs[0].type == out else None


@shortcut(ops.add)
def _pieces(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    """x + 0 is x; and pieces that are padded with zeros and added up (the derivative of
    cuts along an axis) are concatenated."""
    simpler = _add(r, xs, p, out, source)
    if simpler is not None or not out.shape or "concat" in r.lacking:
        return simpler
    axis: int | None = None
    pieces: list[tuple[int, Symbol]] = []
    stack = list(xs)
    while stack:
        producer = r.maker.get(stack.pop())
        if producer is None or producer.outputs[0].type != out:
            return None
        if producer.primitive is ops.add:
            stack += producer.inputs
            continue
        if producer.primitive is not ops.pad or producer.params["value"] != 0:
            return None
        x, low = producer.inputs[0], producer.params["low"]
        cut = [a for a, n in enumerate(x.type.shape) if n != out.shape[a]]
        if len(cut) != 1 or any(producer.params["interior"]) or min(low) < 0:
            return None
        if axis not in (None, cut[0]):
            return None
        axis = cut[0]
        pieces.append((low[axis], x))
    pieces.sort(key=lambda piece: piece[0])
    end = 0
    for begin, x in pieces:
        if begin != end:
            return None
        end += x.type.shape[axis or 0]
    if end != out.shape[axis or 0]:
        return None
    parts = tuple(x for _, x in pieces)
    return r.emit(ops.concat, parts, {"axis": axis}, source)


@shortcut(ops.where)
def _where(
    r: Rewriter, xs: Symbols, p: Params, out: TensorType, source: str | None
) -> Symbol | None:
    if xs[1] is xs[2] and xs[1].type == out:
        return xs[1]
    mask = _mask_of_what_it_chose(r, xs)
    return r.emit(ops.where, (mask, *xs[1:]), p, source) if mask else None


def _mask_of_what_it_chose(r: Rewriter, xs: tuple[Symbol, ...]) -> Symbol | None:
    """For the mask x ≤ c of y = where(x ≤ c, c, x), a ReLU, the equal mask y ≤ c:
    readers need only y, which is in memory anyway."""
    mask, *chosen_from = xs
    comparison = r.maker.get(mask)
    ends = None if comparison is None else ends_of_rectifier(comparison)
    if (
        comparison is None or ends is None or ends == tuple(chosen_from)
    ):  # the last: y itself
        return None
    chosen = r.known.get((ops.where, (mask, *ends), ()))
    if chosen is None or chosen[0].type.shape != mask.type.shape:
        return None
    return r.emit(
        comparison.primitive,
        (chosen[0], comparison.inputs[1]),
        comparison.params,
        comparison.source,
    )


def ends_of_rectifier(mask: Instruction) -> tuple[Symbol, ...] | None:
    """For a comparison of x with c: (a, b) for which y = where(it, a, b), x limited by
    c, compares with c as x does, NaN included."""
    x_and_c = mask.inputs
    if mask.primitive in (ops.less_equal, ops.greater_equal):
        return x_and_c[::-1]
    return x_and_c if mask.primitive in (ops.less, ops.greater) else None
