"""Control: primitives that hold programs (regions): `call` here, which runs its body
once, and `map` and `scan` in files of their own; and two that only stand in the way.

A body is a closed program: whatever it uses comes in by its inputs. What is done *to*
a program (differentiating, batching) is done by the layers above, through `regions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import ShapeError
from .batching import batch_size
from .primitive import PLAIN, Primitive, TensorType, Traits, Value, ops, register


class RegionTransforms(Protocol):
    def capture(self, key: Any, function: Any, types: Sequence[TensorType]) -> Any:
        """The program of function(*values) -> values; memoised by `key`, if any."""

    def inline(self, body: Any, values: Sequence[Any]) -> list[Any]:
        """What the program makes of the values, its instructions called one by one."""
        ...

    def reverse(
        self, body: Any, needed: tuple[bool, ...], present: tuple[bool, ...]
    ) -> tuple[Any, tuple[bool, ...]]:
        """(inputs, present cotangents of outputs) -> cotangents of the needed inputs,
        as a program; and for each input whether it has one (else it is zero)."""
        ...

    def batched(self, body: Any, flags: tuple[bool, ...], size: int) -> Any:
        """The program over a batch: a leading axis for flagged inputs, all outputs."""


regions: list[RegionTransforms] = []


def set_region_transforms(transforms: RegionTransforms) -> None:
    regions[:] = [transforms]


def check_body(
    name: str, expected: Sequence[TensorType], found: Sequence[TensorType]
) -> None:
    if list(expected) != list(found):
        raise ShapeError(
            f"{name}: the body takes {list(expected)}, it was given {list(found)}"
        )


def present_only(values: Sequence[Any]) -> list[Any]:
    return [v for v in values if v is not None]


def spread(values: Sequence[Any], flags: Sequence[bool]) -> list[Any]:
    rest = iter(values)
    return [next(rest) if f else None for f in flags]


# ---- call ----------------------------------------------------------------------------


def _call_infer(types: Sequence[Value], body: Any) -> list[TensorType]:
    check_body("call", body.input_types, [TensorType(t.shape, t.dtype) for t in types])
    return list(body.output_types)


def _call_vjp(
    needed: Sequence[bool], gs: Sequence[Any], inputs: Any, outputs: Any, body: Any
) -> list[Any]:
    present = tuple(g is not None for g in gs)
    program, produced = regions[0].reverse(body, tuple(needed), present)
    if "remat" in body.notes:  # what is computed again must not meet the first time
        inputs = [ops.barrier(x) for x in inputs]
    return spread(ops.call(*inputs, *present_only(gs), body=program), produced)


def _call_batch(values: Sequence[Any], flags: Sequence[bool], body: Any) -> Any:
    return ops.call(
        *values, body=regions[0].batched(body, tuple(flags), batch_size(values, flags))
    )


call = register(
    Primitive(
        name="call",
        opcode=120,
        family="control",
        traits=PLAIN,
        infer=_call_infer,
        reference=lambda *a, body: body.evaluate(a),
        vjp=_call_vjp,
        batch=_call_batch,
        decomposition=lambda *values, body: regions[0].inline(body, values),
        saves="i",
        many=True,
    )
)


# ---- identities ----------------------------------------------------------------------


def _identity(name: str, opcode: int, vjp: Any, traits: Traits) -> Primitive:
    def batch(values: Sequence[Any], flags: Any) -> list[Any]:
        return [ops.table[name](values[0])]

    def infer(types: Sequence[Value]) -> list[TensorType]:
        return [TensorType(types[0].shape, types[0].dtype)]

    return register(
        Primitive(
            name=name,
            opcode=opcode,
            family="identity",
            traits=traits,
            infer=infer,
            reference=lambda a: [a],
            vjp=vjp,
            batch=batch,
            decomposition=lambda a: a,
        )
    )


# Nothing is simplified across a barrier: what stands before it is not merged with what
# stands behind it, so that recomputation stays recomputation.
barrier = _identity(
    "barrier",
    123,
    vjp=lambda needed, gs, inputs, outputs: [ops.barrier(gs[0])],
    traits=Traits(cost=None, free=True),
)
stop_gradient = _identity(
    "stop_gradient",
    124,
    vjp=lambda needed, gs, inputs, outputs: [None],
    traits=PLAIN,
)
