"""The common rules of elementwise operations, whose inputs broadcast as NumPy's do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, bool_
from ..errors import DtypeError
from .broadcasting import broadcast_shapes, same_dtype, unbroadcast
from .primitive import InBasis, Primitive, TensorType, Traits, Value, ops, register

Partial = Callable[..., Any] | None


def batch_elementwise(name: str) -> Callable[..., list[Any]]:
    """Give batched values of lower rank size-1 axes behind the batch axis."""

    def batch(values: Sequence[Any], flags: Sequence[bool], **params: Any) -> list[Any]:
        rank = max(len(v.shape) - f for v, f in zip(values, flags, strict=True))
        aligned = []
        for v, f in zip(values, flags, strict=True):
            missing = rank - (len(v.shape) - 1)
            if f and missing:
                v = ops.reshape(v, shape=(v.shape[0], *(1,) * missing, *v.shape[1:]))
            aligned.append(v)
        return [ops.table[name](*aligned, **params)]

    return batch


def elementwise(
    name: str,
    opcode: int,
    kernel: Callable[..., Any],
    *partials: Partial,
    decomposition: Callable[..., Any] | InBasis,
    cost: float,
    saves: str = "",
    kinds: str = "float",
    result: Dtype | None = None,
    free_dtype: int = 0,
    mask: bool = False,
) -> Primitive:
    """Register one.

    partials     for each input (cotangent, output, *inputs) -> its cotangent before it
                 is summed over broadcast axes; None where the derivative is zero
                 everywhere
    cost, mask   see `Traits`
    kinds        the dtype kinds it takes
    result       its dtype, if not the inputs'
    free_dtype   how many leading inputs (a condition) keep a dtype of their own
    """
    allowed = kinds.split()
    if not partials and result is None and "float" in allowed:
        raise ValueError(f"{name}: give each input a partial, or None: it is 0")

    def infer(types: Sequence[Value]) -> list[TensorType]:
        dtype = same_dtype(name, types[free_dtype:])
        if dtype.kind not in allowed:
            raise DtypeError(
                f"{name} takes {' or '.join(allowed)} tensors, not {dtype.name}"
            )
        if free_dtype and types[0].dtype is not bool_:
            raise DtypeError(
                f"{name}: the condition must be bool, not {types[0].dtype.name}"
            )
        return [
            TensorType(
                broadcast_shapes(name, [t.shape for t in types]), result or dtype
            )
        ]

    def reference(*arrays: Any) -> list[Any]:
        dtype = (result or bool_).numpy if result else arrays[-1].dtype
        with np.errstate(all="ignore"):
            return [np.asarray(kernel(*arrays)).astype(dtype, copy=False)]

    def vjp(
        needed: Sequence[bool],
        gs: Sequence[Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
    ) -> list[Any]:
        return [
            unbroadcast(partial(gs[0], outputs[0], *inputs), x.shape)
            if need and partial
            else None
            for need, partial, x in zip(
                needed, partials or (None,) * len(needed), inputs, strict=True
            )
        ]

    batch = batch_elementwise(name)
    return register(
        Primitive(
            name=name,
            opcode=opcode,
            family="elementwise",
            traits=Traits(cost=cost, mask=mask),
            infer=infer,
            reference=reference,
            vjp=vjp,
            batch=batch,
            decomposition=decomposition,
            saves=saves,
        )
    )
