"""Functions whose derivative is stated in terms of their own outputs, and holds to any
order."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence

from ..passes.prune import without_dead_code
from ..primitives import TensorType, ops
from ..program import Program
from ..tensor import Tensor
from .capture import capture_flat

Reverse = Callable[[Tensor, Sequence[Tensor], Sequence[Tensor]], Tensor]
_CACHE_BOUND = 64


class OwnReverse:
    """f as one `call`: a function of x, which is differentiated, and of tensors that
    count as constants. It closes over no other.

    reverse   (x, outputs, cotangents of the outputs) -> cotangent of x. It may use the
              outputs: their own derivative is that of f, so that its derivative is
              right too

    `nx.custom_vjp` is for users: there the forward function makes the residuals anew,
    and its derivative is that of what it computes, step by step.
    """

    def __init__(
        self, name: str, f: Callable[..., Sequence[Tensor]], reverse: Reverse
    ) -> None:
        self.name = name
        self.f = f
        self.reverse = reverse
        self._bodies: OrderedDict[tuple[TensorType, ...], Program] = OrderedDict()

    def __call__(self, x: Tensor, *constants: Tensor) -> list[Tensor]:
        inputs = [t.value() for t in (x, *constants)]
        types = tuple([t.type for t in inputs])
        body = self._bodies.get(types)
        if body is None:
            program, lifted = capture_flat(lambda *v: list(self.f(*v)), types)
            assert not lifted, f"{self.name} closes over a tensor"
            body = without_dead_code(program)
            body.notes["rule"] = _Rule(self, body)
            self._bodies[types] = body
            if len(self._bodies) > _CACHE_BOUND:
                self._bodies.popitem(last=False)
        found: list[Tensor] = ops.call(*inputs, body=body)
        return found


class _Rule:
    """What `regions` asks for the reverse of a body; captured when it is first asked
    for, since it calls the body, which has a reverse."""

    def __init__(self, function: OwnReverse, body: Program) -> None:
        self.name = function.name
        self.function = function
        self.body = weakref.ref(body)
        self._reverse: Program | None = None

    def pull(
        self,
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        needed: Sequence[bool],
        emit: Callable[[Program, Sequence[Tensor]], list[Tensor]],
    ) -> list[Tensor | None]:
        nothing = [None] * (len(inputs) - 1)
        if not needed[0]:
            return [None, *nothing]
        if self._reverse is None:
            self._reverse = self._captured()
        return [*emit(self._reverse, [*inputs, *cotangents]), *nothing]

    def _captured(self) -> Program:
        body = self.body()
        assert body is not None

        count = len(body.inputs)

        def reverse(*values: Tensor) -> list[Tensor]:
            inputs, cotangents = values[:count], values[count:]
            outputs = ops.call(*inputs, body=body)
            return [self.function.reverse(inputs[0], outputs, cotangents)]

        program, lifted = capture_flat(reverse, [*body.input_types, *body.output_types])
        assert not lifted, f"the reverse of {self.name} closes over a tensor"
        return without_dead_code(program)
