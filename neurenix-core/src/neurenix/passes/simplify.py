"""Simplification: one value for each thing that is computed, and none for what is not.

Common subexpressions, constants, identities of movement and arithmetic (only those that
hold for every value, NaN and infinity included), dead code. Nothing is merged across a
`barrier`, whose result is like nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitives import Primitive, TensorType, all_primitives, ops
from ..primitives.sources import ConstantArray
from ..program.ir import Instruction, Program, Symbol, params_key
from .prune import without_dead_code

_FOLD_LIMIT = 256  # elements: a constant that is larger is computed where it is used


class Rewriter:
    """Builds a program from another's instructions, in order, sharing what is equal.

    lacking   primitives that no shortcut may bring in: the device has none of them
    """

    def __init__(self, lacking: frozenset[str] = frozenset()) -> None:
        self.lacking = lacking
        self.instructions: list[Instruction] = []
        self.values: dict[Symbol, Symbol] = {}  # of the old program -> of the new one
        self.maker: dict[Symbol, Instruction] = {}  # new symbol -> its instruction
        self.known: dict[Any, tuple[Symbol, ...]] = {}

    def bind(self, old: Symbol, new: Symbol) -> None:
        self.values[old] = new

    def read(self, old: Symbol) -> Symbol:
        return self.values.get(old, old)

    def add(self, i: Instruction) -> None:
        """Take over one instruction of the old program."""
        inputs = tuple(self.read(s) for s in i.inputs)
        for old, new in zip(
            i.outputs,
            self.make(i.primitive, inputs, i.params, i.outputs, i.source),
            strict=True,
        ):
            self.values[old] = new

    def make(
        self,
        primitive: Primitive,
        inputs: tuple[Symbol, ...],
        params: dict[str, Any],
        outputs: tuple[Symbol, ...],
        source: str | None,
    ) -> tuple[Symbol, ...]:
        shorter = _SHORTCUTS.get(primitive)
        if shorter is not None:
            found = shorter(self, inputs, params, outputs[0].type, source)
            if found is not None:
                return (found,)
        key = (primitive, inputs, params_key(params))
        if primitive is not ops.barrier:
            same = self.known.get(key)
            if same is not None:
                return same
        made = self._folded(primitive, inputs, params, outputs) or Instruction(
            primitive, inputs, params, outputs, source
        )
        if made.primitive is ops.constant and primitive is not ops.constant:
            return self.make(ops.constant, (), made.params, outputs, None)
        self.instructions.append(made)
        self.known[key] = outputs
        for s in outputs:
            self.maker[s] = made
        return outputs

    def emit(
        self,
        primitive: Primitive,
        inputs: tuple[Symbol, ...],
        params: dict[str, Any],
        source: str | None,
    ) -> Symbol:
        """A new instruction, with its type inferred."""
        types = primitive.infer([s.type for s in inputs], **params)
        return self.make(
            primitive, inputs, params, tuple(Symbol(t) for t in types), source
        )[0]

    def constant_of(self, s: Symbol) -> ConstantArray | None:
        made = self.maker.get(s)
        return (
            made.params["value"]
            if made is not None and made.primitive is ops.constant
            else None
        )

    def uniform(self, s: Symbol) -> float | None:
        """The one number that all elements are, if that is known."""
        made = self.maker.get(s)
        while made is not None and made.primitive in (ops.broadcast, ops.reshape):
            s = made.inputs[0]
            made = self.maker.get(s)
        value = self.constant_of(s)
        return (
            value.array.reshape(-1)[0].item()
            if value is not None and value.array.size == 1
            else None
        )

    def _folded(
        self,
        primitive: Primitive,
        inputs: tuple[Symbol, ...],
        params: dict[str, Any],
        outputs: tuple[Symbol, ...],
    ) -> Instruction | None:
        if not inputs or len(outputs) != 1 or outputs[0].type.size > _FOLD_LIMIT:
            return None
        if primitive.family not in ("elementwise", "reduction", "movement"):
            return None
        values = [self.constant_of(s) for s in inputs]
        if any(v is None for v in values):
            return None
        if primitive is ops.broadcast:  # a stride of 0 is smaller than a constant
            return None
        array = primitive.reference(
            *[v.array for v in values if v is not None], **params
        )[0]
        value = ConstantArray(
            np.asarray(array, outputs[0].type.dtype.numpy), outputs[0].type.dtype
        )
        return Instruction(ops.constant, (), {"value": value}, outputs)


Shortcut = Callable[
    [Rewriter, tuple[Symbol, ...], dict[str, Any], TensorType, str | None],
    Symbol | None,
]
_SHORTCUTS: dict[Primitive, Shortcut] = {}


def _shortcut(primitive: Primitive) -> Callable[[Shortcut], Shortcut]:
    def register(f: Shortcut) -> Shortcut:
        _SHORTCUTS[primitive] = f
        return f

    return register


def _through(r: Rewriter, s: Symbol, primitive: Primitive) -> Instruction | None:
    made = r.maker.get(s)
    return made if made is not None and made.primitive is primitive else None


@_shortcut(ops.reshape)
def _reshape(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    if xs[0].type.shape == out.shape:
        return xs[0]
    before = _through(r, xs[0], ops.reshape)
    return r.emit(ops.reshape, before.inputs, p, source) if before else None


@_shortcut(ops.transpose)
def _transpose(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
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


@_shortcut(ops.broadcast)
def _broadcast(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    if xs[0].type.shape == out.shape:
        return xs[0]
    before = _through(r, xs[0], ops.broadcast)
    return r.emit(ops.broadcast, before.inputs, p, source) if before else None


@_shortcut(ops.slice)
def _slice(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    return xs[0] if xs[0].type.shape == out.shape else None


@_shortcut(ops.pad)
def _pad(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    return xs[0] if xs[0].type.shape == out.shape else None


@_shortcut(ops.cast)
def _cast(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    return xs[0] if xs[0].type.dtype is out.dtype else None


def _over_no_axes(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    return xs[0] if xs[0].type == out else None


_SHORTCUTS.update((p, _over_no_axes) for p in all_primitives() if p.traits.associative)


@_shortcut(ops.neg)
def _neg(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    before = _through(r, xs[0], ops.neg)
    return before.inputs[0] if before else None


@_shortcut(ops.integer_pow)
def _integer_pow(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    if p["exponent"] == 1:
        return xs[0]
    return r.emit(ops.mul, (xs[0], xs[0]), {}, source) if p["exponent"] == 2 else None


@_shortcut(ops.mul)
def _mul(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    for a, b in (xs, xs[::-1]):
        if r.uniform(b) == 1 and a.type == out:
            return a
    return None


@_shortcut(ops.dot_general)
def _dot_general(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    found = _outer_product(r, xs, p, out, source)
    return found if found is not None else _of_transposed(r, xs, p, out, source)


def _of_transposed(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    """A product reads its operand's axes in any order: no transposition before it."""
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
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    """A sum over one term is no sum: a product, which fuses with what is around it."""
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


@_shortcut(ops.div)
def _div(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    return xs[0] if r.uniform(xs[1]) == 1 and xs[0].type == out else None


@_shortcut(ops.sub)
def _add(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    # x + 0 is x but for the sign of a zero, which nothing here tells apart
    return xs[0] if r.uniform(xs[1]) == 0 and xs[0].type == out else None


@_shortcut(ops.add)
def _pieces(
    r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any
) -> Symbol | None:
    """x + 0 is x; and what was cut along an axis, padded with zeros and added up (the
    derivative of the cuts) is put side by side."""
    found = _add(r, xs, p, out, source)
    if found is not None or not out.shape or "concat" in r.lacking:
        return found
    axis: int | None = None
    pieces: list[tuple[int, Symbol]] = []
    stack = list(xs)
    while stack:
        made = r.maker.get(stack.pop())
        if made is None or made.outputs[0].type != out:
            return None
        if made.primitive is ops.add:
            stack += made.inputs
            continue
        if made.primitive is not ops.pad or made.params["value"] != 0:
            return None
        x, low = made.inputs[0], made.params["low"]
        cut = [a for a, n in enumerate(x.type.shape) if n != out.shape[a]]
        if len(cut) != 1 or any(made.params["interior"]) or min(low) < 0:
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


@_shortcut(ops.where)
def _where(r: Rewriter, xs: Any, p: Any, out: TensorType, source: Any) -> Symbol | None:
    if xs[1] is xs[2] and xs[1].type == out:
        return xs[1]
    mask = _mask_of_what_it_chose(r, xs)
    return r.emit(ops.where, (mask, *xs[1:]), p, source) if mask else None


def _mask_of_what_it_chose(r: Rewriter, xs: tuple[Symbol, ...]) -> Symbol | None:
    """For the mask x ≤ c of y = where(x ≤ c, c, x), a ReLU, the equal mask y ≤ c: what
    comes after needs only y, which is there anyway."""
    mask, *chosen_from = xs
    made = r.maker.get(mask)
    ends = None if made is None else ends_of_rectifier(made)
    if made is None or ends is None or ends == tuple(chosen_from):  # the last: y itself
        return None
    chosen = r.known.get((ops.where, (mask, *ends), ()))
    if chosen is None or chosen[0].type.shape != mask.type.shape:
        return None
    return r.emit(made.primitive, (chosen[0], made.inputs[1]), made.params, made.source)


def ends_of_rectifier(mask: Instruction) -> tuple[Symbol, ...] | None:
    """For a comparison of x with c: (a, b) for which y = where(it, a, b), x limited by
    c, compares with c as x does, NaN included."""
    x_and_c = mask.inputs
    if mask.primitive in (ops.less_equal, ops.greater_equal):
        return x_and_c[::-1]
    return x_and_c if mask.primitive in (ops.less, ops.greater) else None


def simplify(program: Program, lacking: frozenset[str] = frozenset()) -> Program:
    """The program with every simplification, its regions left as they are; none brings
    in what is `lacking`."""
    rewriter = Rewriter(lacking)
    for i in program.instructions:
        rewriter.add(i)
    outputs = [rewriter.read(s) for s in program.outputs]
    return without_dead_code(program.made_of(rewriter.instructions, outputs))
