"""fused: an elementwise program over one iteration space; outputs stored or reduced.

Only the fusing pass makes it, after everything has been differentiated and batched.
Each input broadcasts to the iteration shape; `reductions` has for each output of `body`
None (stored) or the name of a reduction over `axes`; argmax only for devices that have
`FUSED_ARGMAX` among their features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import int32
from ..errors import ShapeError
from .primitive import (
    PLAIN,
    NotBatchable,
    NotDifferentiable,
    Primitive,
    Shape,
    TensorType,
    Value,
    ops,
    register,
)
from .reduction import kept

FUSED_ARGMAX = "fused_argmax"


def _infer(
    types: Sequence[Value],
    body: Any,
    shape: Shape,
    axes: Shape,
    reductions: Sequence[str | None],
) -> list[TensorType]:
    for t, inner in zip(types, body.input_types, strict=True):
        given = TensorType(t.shape, t.dtype)
        if given != inner or np.broadcast_shapes(t.shape, shape) != tuple(shape):
            raise ShapeError(
                f"fused: an input {given} of the iterations {shape}, whose expression "
                f"takes {inner}"
            )
    return [
        TensorType(
            kept(shape, axes) if r else shape, int32 if r == "argmax" else t.dtype
        )
        for t, r in zip(body.output_types, reductions, strict=True)
    ]


def _reference(
    *arrays: Any, body: Any, shape: Shape, axes: Shape, reductions: Sequence[str | None]
) -> list[Any]:
    outputs = []
    for value, reduction in zip(body.evaluate(arrays), reductions, strict=True):
        full = np.broadcast_to(value, shape)
        outputs.append(
            ops.table[reduction].reference(full, axes=axes)[0]
            if reduction
            else np.array(full)
        )
    return outputs


def _unfused(
    *inputs: Any, body: Any, shape: Shape, axes: Shape, reductions: Sequence[str | None]
) -> list[Any]:
    whole = [ops.broadcast(v, shape=shape) for v in ops.call(*inputs, body=body)]
    return [
        ops.table[r](v, axes=axes) if r else v
        for v, r in zip(whole, reductions, strict=True)
    ]


fused = register(
    Primitive(
        name="fused",
        opcode=130,
        family="fused",
        traits=PLAIN,
        infer=_infer,
        reference=_reference,
        vjp=NotDifferentiable("it is made after differentiation"),
        batch=NotBatchable("it is made after batching"),
        decomposition=_unfused,
        many=True,
    )
)
