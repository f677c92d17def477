"""The interpreter that primitives call: it runs or records them on tensors, and writes
the tape. Importing this module puts it in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import dispatch
from .devices import Device
from .dtypes import Dtype
from .primitives import NotDifferentiable, Primitive, ops, set_interpreter
from .sources import user_line
from .tape import Node
from .tensor import Tensor, literal


class TensorInterpreter:
    """Runs or records a primitive on tensors, and puts it on the tape."""

    def bind(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> list[Tensor]:
        inputs = [x if type(x) is Tensor else x.value() for x in inputs]
        types = tuple(x.type for x in inputs)
        recorder = dispatch.recorder()
        device: Device | None
        if recorder is not None:
            out_types = dispatch.infer(primitive, types, params)
            data: list[Any] = recorder.record(primitive, inputs, params, out_types)
            device = next((x.device for x in inputs if x.device is not None), None)
            if dispatch.state.blocked and primitive.name != "stop_gradient":
                return [
                    ops.stop_gradient(Tensor(d, t, device))
                    if t.dtype.is_floating
                    else Tensor(d, t, device)
                    for d, t in zip(data, out_types, strict=True)
                ]
        else:
            out_types = dispatch.infer(primitive, types, params)
            data, device = dispatch.run(primitive, inputs, params)
        if not (
            dispatch.state.grad_enabled and any(x.node is not None for x in inputs)
        ):
            return [Tensor(d, t, device) for d, t in zip(data, out_types, strict=True)]
        if isinstance(primitive.vjp, NotDifferentiable):
            return [Tensor(d, t, device) for d, t in zip(data, out_types, strict=True)]
        edges = tuple(
            (x.node, x.index) if x.node is not None and x.dtype.is_floating else None
            for x in inputs
        )
        keep = tuple(inputs) if "i" in primitive.saves else types
        source = user_line() if recorder is not None else None
        node = Node(
            primitive,
            keep,
            params,
            data if "o" in primitive.saves else None,
            out_types,
            edges,
            device,
            source,
        )
        return [
            Tensor(d, t, device, node if t.dtype.is_floating else None, i)
            for i, (d, t) in enumerate(zip(data, out_types, strict=True))
        ]

    def literal(self, array: np.ndarray[Any, Any], dtype: Dtype) -> Tensor:
        return literal(array, dtype)


set_interpreter(TensorInterpreter())
