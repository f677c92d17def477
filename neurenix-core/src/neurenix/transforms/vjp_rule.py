"""Derivatives of calls that do not follow from their bodies: a program for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..errors import NotDifferentiableError
from ..primitives import TensorType, ops
from ..program import Program
from ..program.memo import derived
from ..tensor import Tensor
from .capture import capture_flat, inline
from .regions import vmapped


@dataclass(eq=False)
class VjpRule:
    """The `vjp` of a call.

    backward    gives the program: (arguments, cotangents of all outputs, what it closes
                over) -> the cotangents that are produced. It may be made when it is
                first asked for
    arguments   how many inputs of the body, the first, have a cotangent; what the body
                closes over follows, then what backward closes over
    closed      how many inputs the body closes over: nothing may be differentiated by
                them
    produced    of each argument, whether backward gives a cotangent
    """

    name: str
    backward: Callable[[], Program]
    arguments: int
    closed: int
    produced: tuple[bool, ...]
    _batched: dict[tuple[tuple[bool, ...], int], VjpRule] = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name

    def pull(
        self,
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        needed: Sequence[bool],
    ) -> list[Tensor | None]:
        n = self.arguments
        if any(needed[n:]):
            raise NotDifferentiableError(
                f"{self.name}: a custom_vjp closes over a tensor that is being "
                "differentiated; pass it as an argument"
            )
        found: list[Tensor | None] = [None] * len(inputs)
        if not any(a and b for a, b in zip(needed, self.produced)):
            return found
        rest = inputs[n + self.closed :]
        values = iter(inline(self.backward(), [*inputs[:n], *cotangents, *rest]))
        for k, given in enumerate(self.produced):
            if given:
                g = next(values)
                found[k] = g if needed[k] else None
        return found

    def batched(self, flags: tuple[bool, ...], size: int) -> VjpRule:
        key = flags, size
        if key not in self._batched:
            self._batched[key] = VjpRule(
                self.name,
                lambda: derived(
                    self.backward(),
                    ("batched vjp", *key, self.arguments),
                    lambda program: self._over_batch(program, flags, size),
                ),
                self.arguments,
                self.closed,
                self.produced,
            )
        return self._batched[key]

    def _over_batch(
        self, program: Program, flags: tuple[bool, ...], size: int
    ) -> Program:
        """The program over a batch; the cotangents of inputs that all iterations share
        are summed over it."""
        n, rest = self.arguments, flags[self.arguments + self.closed :]
        cotangents = len(program.inputs) - n - len(rest)
        marks = [*flags[:n], *[True] * cotangents, *rest]
        shared = [not f for f, given in zip(flags, self.produced) if given]

        def backward(*values: Tensor) -> list[Tensor]:
            outputs = vmapped(program, values, marks, size)
            return [
                ops.sum(g, axes=(0,)) if s else g
                for g, s in zip(outputs, shared, strict=True)
            ]

        types = [
            TensorType((size, *t.shape), t.dtype) if f else t
            for t, f in zip(program.input_types, marks, strict=True)
        ]
        batched, lifted = capture_flat(backward, types)
        assert not lifted, "a derivative uses what it was not given"
        return batched
