"""Builds a program from another's instructions: equal instructions become one (common
subexpressions).

What an instruction may be instead is registered by `identities`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitives import Primitive, TensorType, ops
from ..primitives.sources import ConstantArray
from ..program.ir import Instruction, Symbol, params_key

_FOLD_LIMIT = 256  # elements: a constant that is larger is computed where it is used


Symbols = tuple[Symbol, ...]
Params = dict[str, Any]


class Rewriter:
    """Builds a program from another's instructions, in order, sharing what is equal.

    lacking   primitives that no shortcut may bring in: the device has none of them
    """

    def __init__(self, lacking: frozenset[str] = frozenset()) -> None:
        self.lacking = lacking
        self.instructions: list[Instruction] = []
        self.values: dict[Symbol, Symbol] = {}  # of the old program -> of the new one
        self.maker: dict[Symbol, Instruction] = {}  # new symbol -> its instruction
        self.known: dict[tuple[Any, ...], Symbols] = {}

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
        inputs: Symbols,
        params: Params,
        outputs: Symbols,
        source: str | None,
    ) -> Symbols:
        shorter = _SHORTCUTS.get(primitive)
        if shorter is not None:
            simpler = shorter(self, inputs, params, outputs[0].type, source)
            if simpler is not None:
                return (simpler,)
        key = (primitive, inputs, params_key(params))
        if primitive is not ops.barrier:
            same = self.known.get(key)
            if same is not None:
                return same
        instruction = self._folded(primitive, inputs, params, outputs) or Instruction(
            primitive, inputs, params, outputs, source
        )
        if instruction.primitive is ops.constant and primitive is not ops.constant:
            return self.make(ops.constant, (), instruction.params, outputs, None)
        self.instructions.append(instruction)
        self.known[key] = outputs
        for s in outputs:
            self.maker[s] = instruction
        return outputs

    def emit(
        self,
        primitive: Primitive,
        inputs: Symbols,
        params: Params,
        source: str | None,
    ) -> Symbol:
        """A new instruction, with its type inferred."""
        types = primitive.infer([s.type for s in inputs], **params)
        return self.make(
            primitive, inputs, params, tuple(Symbol(t) for t in types), source
        )[0]

    def constant_of(self, s: Symbol) -> ConstantArray | None:
        producer = self.maker.get(s)
        return (
            producer.params["value"]
            if producer is not None and producer.primitive is ops.constant
            else None
        )

    def uniform(self, s: Symbol) -> float | None:
        """The number that all elements are equal to, if it is known."""
        producer = self.maker.get(s)
        while producer is not None and producer.primitive in (
            ops.broadcast,
            ops.reshape,
        ):
            s = producer.inputs[0]
            producer = self.maker.get(s)
        value = self.constant_of(s)
        return (
            value.array.reshape(-1)[0].item()
            if value is not None and value.array.size == 1
            else None
        )

    def _folded(
        self,
        primitive: Primitive,
        inputs: Symbols,
        params: Params,
        outputs: Symbols,
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
    [Rewriter, Symbols, Params, TensorType, str | None],
    Symbol | None,
]
_SHORTCUTS: dict[Primitive, Shortcut] = {}


def shortcut(primitive: Primitive) -> Callable[[Shortcut], Shortcut]:
    """Registers a function that gives what an instruction of the primitive may be
    replaced by; None keeps it."""

    def register(f: Shortcut) -> Shortcut:
        _SHORTCUTS[primitive] = f
        return f

    return register
