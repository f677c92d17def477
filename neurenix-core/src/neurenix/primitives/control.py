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
        """The outputs of the program for these values: its instructions are called one
        by one."""
        ...

    def reverse(
        self,
        body: Any,
        needed: tuple[bool, ...],
        present: tuple[bool, ...],
        vjp: CallVjp | None = None,
    ) -> tuple[Any, tuple[bool, ...]]:
        """(inputs, present cotangents of outputs) -> cotangents of the needed inputs,
        as a program; and for each input whether it has one (else it is zero)."""
        ...

    def batched(self, body: Any, flags: tuple[bool, ...], size: int) -> Any:
        """The program over a batch: a leading axis for flagged inputs, all outputs."""


class CallVjp(Protocol):
    """A derivative of a call that does not follow from its body. It counts by identity
    where calls are compared."""

    @property
    def name(self) -> str: ...
    def pull(
        self,
        inputs: Sequence[Any],
        cotangents: Sequence[Any],
        needed: Sequence[bool],
    ) -> list[Any | None]:
        """The cotangent of each input of the body, from those of all outputs; None
        where there is none, or none is needed."""
        ...

    def batched(self, flags: tuple[bool, ...], size: int) -> CallVjp:
        """The rule of the batched body; a cotangent of an input without a batch axis is
        summed over the batch."""
        ...


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


# remat   the body is computed again for its derivative
# vjp     its derivative, where that does not follow from the body
# Both stand among an instruction's parameters only where they are stated. `settled`
# takes them away once there is nothing more to differentiate.


def _call_infer(
    types: Sequence[Value], body: Any, remat: bool = False, vjp: CallVjp | None = None
) -> list[TensorType]:
    check_body("call", body.input_types, [TensorType(t.shape, t.dtype) for t in types])
    return list(body.output_types)


def _call_reference(
    *arrays: Any, body: Any, remat: bool = False, vjp: CallVjp | None = None
) -> list[Any]:
    found: list[Any] = body.evaluate(arrays)
    return found


def _call_vjp(
    needed: Sequence[bool],
    gs: Sequence[Any],
    inputs: Any,
    outputs: Any,
    body: Any,
    remat: bool = False,
    vjp: CallVjp | None = None,
) -> list[Any]:
    present = tuple(g is not None for g in gs)
    program, produced = regions[0].reverse(body, tuple(needed), present, vjp)
    stated = {}
    if remat:  # what is computed again must not meet the first time
        inputs = [ops.barrier(x) for x in inputs]
        stated["remat"] = True  # and so on for the derivatives after it
    results = ops.call(*inputs, *present_only(gs), body=program, **stated)
    return spread(results, produced)


def _call_batch(
    values: Sequence[Any],
    flags: Sequence[bool],
    body: Any,
    remat: bool = False,
    vjp: CallVjp | None = None,
) -> Any:
    marks, size = tuple(flags), batch_size(values, flags)
    stated: dict[str, Any] = {"remat": True} if remat else {}
    if vjp is not None:
        stated["vjp"] = vjp.batched(marks, size)
    return ops.call(*values, body=regions[0].batched(body, marks, size), **stated)


def _call_inlined(
    *values: Any, body: Any, remat: bool = False, vjp: CallVjp | None = None
) -> list[Any]:
    return regions[0].inline(body, values)


call = register(
    Primitive(
        name="call",
        opcode=120,
        family="control",
        traits=PLAIN,
        infer=_call_infer,
        reference=_call_reference,
        vjp=_call_vjp,
        batch=_call_batch,
        decomposition=_call_inlined,
        saves="i",
        many=True,
    )
)


def says_how_to_differentiate(params: dict[str, Any]) -> bool:
    """Whether a call states its derivative itself, by `remat` or `vjp`."""
    return params.get("vjp") is not None or bool(params.get("remat"))


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
