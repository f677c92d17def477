"""Functions whose derivative is stated in terms of their own outputs, and holds to any
order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from ..passes.prune import without_dead_code
from ..primitives import TensorType, ops
from ..program import Program
from ..program.memo import derived
from ..tensor import Tensor
from .capture import capture_flat
from .vjp_rule import VjpRule

Reverse = Callable[[Tensor, Sequence[Tensor], Sequence[Tensor]], Tensor]
_Types = tuple[TensorType, ...]
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
        self._bodies: OrderedDict[_Types, tuple[Program, VjpRule]] = OrderedDict()

    def __call__(self, x: Tensor, *constants: Tensor) -> list[Tensor]:
        inputs = [t.value() for t in (x, *constants)]
        types = tuple([t.type for t in inputs])
        found = self._bodies.get(types)
        if found is None:
            program, lifted = capture_flat(lambda *v: list(self.f(*v)), types)
            assert not lifted, f"{self.name} closes over a tensor"
            body = without_dead_code(program)
            found = self._bodies[types] = body, self._rule(body)
            if len(self._bodies) > _CACHE_BOUND:
                self._bodies.popitem(last=False)
        body, rule = found
        outputs: list[Tensor] = ops.call(*inputs, body=body, vjp=rule)
        return outputs

    def _rule(self, body: Program) -> VjpRule:
        def backward() -> Program:
            """Captured when it is asked for: it calls the body, which has the rule."""
            return derived(body, ("reverse of", self), captured)

        def captured(body: Program) -> Program:
            types = [*body.input_types, *body.output_types]
            program, lifted = capture_flat(reverse, types)
            assert not lifted, f"the reverse of {self.name} closes over a tensor"
            return without_dead_code(program)

        count = len(body.inputs)

        def reverse(*values: Tensor) -> list[Tensor]:
            inputs, cotangents = values[:count], values[count:]
            outputs = ops.call(*inputs, body=body, vjp=rule)
            return [self.reverse(inputs[0], outputs, cotangents)]

        rule = VjpRule(
            name=self.name,
            backward=backward,
            arguments=count,
            closed=0,
            produced=(True, *[False] * (count - 1)),
        )
        return rule
