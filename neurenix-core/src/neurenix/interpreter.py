"""The interpreter that primitives call: it runs or records them on tensors, and writes
the tape. Importing this module puts it in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import dispatch
from .devices import Device
from .dispatch import ON, STOPPED
from .dtypes import Dtype
from .primitives import (
    NotDifferentiable,
    Primitive,
    TensorType,
    ops,
    set_interpreter,
)
from .tape import Node
from .tensor import Tensor, literal, number
from .user_lines import user_line

_NUMBER = (bool, int, float)


class TensorInterpreter:
    """Runs or records a primitive on tensors, and puts it on the tape."""

    def bind(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> list[Tensor]:
        values: list[Tensor] = []
        tracked = False
        for x in inputs:
            if type(x) is not Tensor:
                x = x.value()
            values.append(x)
            if x.node is not None:
                tracked = True
        state = dispatch.state
        if state.recorders:
            data, types, device = _record(primitive, values, params)
            if state.taping is STOPPED and primitive.name != "stop_gradient":
                made = zip(data, types, strict=True)
                return [_stopped(d, t, device) for d, t in made]
        else:
            data, types, device = dispatch.run(primitive, values, params)
        node = None
        if tracked and state.taping is ON:
            node = _node(primitive, values, params, data, types, device)
        if len(data) == 1:
            if node is not None and not types[0].dtype.is_floating:
                node = None
            return [Tensor(data[0], types[0], device, node)]
        return [
            Tensor(d, t, device, node if t.dtype.is_floating else None, i)
            for i, (d, t) in enumerate(zip(data, types, strict=True))
        ]

    def literal(self, value: Any, dtype: Dtype) -> Tensor:
        make = number if isinstance(value, _NUMBER) else literal
        return make(value, dtype)


def _record(
    primitive: Primitive, inputs: Sequence[Tensor], params: dict[str, Any]
) -> tuple[list[Any], tuple[TensorType, ...], Device | None]:
    """Records the primitive in the innermost program being captured; gives the symbols
    of the outputs."""
    types = dispatch.infer(primitive, tuple([x.type for x in inputs]), params)
    data = dispatch.state.recorders[-1].record(primitive, inputs, params, types)
    device = next((x.device for x in inputs if x.device is not None), None)
    return data, types, device


def _stopped(data: Any, type: TensorType, device: Device | None) -> Tensor:
    made = Tensor(data, type, device)
    return ops.stop_gradient(made) if type.dtype.is_floating else made


def _node(
    primitive: Primitive,
    inputs: Sequence[Tensor],
    params: dict[str, Any],
    data: list[Any],
    types: tuple[TensorType, ...],
    device: Device | None,
) -> Node | None:
    """The node of the operation on the tape; None if it has no derivative."""
    if isinstance(primitive.vjp, NotDifferentiable):
        return None
    edges = []
    for x in inputs:
        followed = x.node is not None and x.type.dtype.is_floating
        edges.append((x.node, x.index) if followed else None)
    saves = primitive.saves
    return Node(
        primitive,
        tuple(inputs) if "i" in saves else tuple([x.type for x in inputs]),
        params,
        data if "o" in saves else None,
        types,
        tuple(edges),
        device,
        user_line() if dispatch.state.recorders else None,
    )


set_interpreter(TensorInterpreter())
