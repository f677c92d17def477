"""Elementwise operations with a static parameter: cast, bitcast, integer_pow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, bfloat16, bool_
from ..errors import DtypeError
from . import formulae
from .elementwise import batch_elementwise
from .elementwise_table import times
from .primitive import InBasis, Primitive, TensorType, Traits, Value, ops, register
from .shorthands import scalar_like


def _parametric(
    name: str,
    opcode: int,
    infer: Any,
    reference: Any,
    vjp: Any,
    *,
    decomposition: Callable[..., Any] | InBasis,
    cost: float = 1.0,
    saves: str = "",
) -> Primitive:
    batch = batch_elementwise(name)
    return register(
        Primitive(
            name=name,
            opcode=opcode,
            family="elementwise",
            traits=Traits(cost=cost),
            infer=infer,
            reference=reference,
            vjp=vjp,
            batch=batch,
            decomposition=decomposition,
            saves=saves,
        )
    )


def _cast_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, dtype: Dtype
) -> list[Any]:
    both = dtype.is_floating and inputs[0].dtype.is_floating
    return [ops.cast(gs[0], dtype=inputs[0].dtype) if both else None]


def _odd_floats(a: Any) -> Any:
    """Numbers in float32, the last bit 1 where it is not exact: rounded once more, to a
    half, they are rounded right (Boldo and Melquiond 2008, "Emulation of FMA and
    correctly rounded sums")."""
    if a.dtype.kind in "iu":
        size = np.abs(a.astype(np.float64)) >= 2.0**53
        kept = a.astype(np.int64) & ~np.int64(2047)
        odd = np.where(kept != a, kept | 2048, a).astype(np.int64)
        a = np.where(size, odd, a.astype(np.int64)).astype(np.float64)
    near = np.asarray(a, np.float32)
    bits = near.view(np.uint32)
    beyond = np.abs(a) > np.abs(near.astype(np.float64))
    moved = np.where(beyond, bits + np.uint32(1), bits - np.uint32(1))
    exact = (near == a) | np.isnan(a) | (bits & np.uint32(1) == 1)
    return np.where(exact, bits, moved).astype(np.uint32).view(np.float32)


def _cast_reference(a: Any, dtype: Dtype) -> list[Any]:
    with np.errstate(all="ignore"):
        if a.dtype.kind == "V":  # bfloat16, which NumPy does not know as a float
            a = a.astype(np.float32)
        elif dtype is bfloat16 and a.dtype != np.float32 and a.dtype.kind in "fiu":
            a = _odd_floats(a)
    if dtype.kind in ("int", "uint") and a.dtype.kind == "f":  # saturate; NaN gives 0
        info = np.iinfo(dtype.numpy)
        wide = np.clip(
            np.trunc(np.nan_to_num(a.astype(np.float64), nan=0.0)), info.min, info.max
        )
        exact = np.where(
            wide >= float(info.max),
            info.max,
            np.minimum(wide, np.nextafter(2.0**63, 0.0)).astype(np.int64),
        )
        return [exact.astype(dtype.numpy)]
    with np.errstate(all="ignore"):
        return [a.astype(dtype.numpy)]


cast = _parametric(
    "cast",
    19,
    lambda types, dtype: [TensorType(types[0].shape, dtype)],
    _cast_reference,
    _cast_vjp,
    decomposition=InBasis("dtypes"),
)


def _bitcast_infer(types: Sequence[Value], dtype: Dtype) -> list[TensorType]:
    if types[0].dtype.itemsize != dtype.itemsize:
        raise DtypeError(
            f"bitcast: {types[0].dtype.name} and {dtype.name} differ in size"
        )
    return [TensorType(types[0].shape, dtype)]


bitcast = _parametric(
    "bitcast",
    20,
    _bitcast_infer,
    lambda a, dtype: [np.asarray(a, order="C").view(dtype.numpy)],
    lambda needed, gs, inputs, outputs, dtype: [None],
    decomposition=InBasis("bits of floats"),
)


def _integer_pow_infer(types: Sequence[Value], exponent: int) -> list[TensorType]:
    dtype = types[0].dtype
    if dtype is bool_ or (exponent < 0 and not dtype.is_floating):
        raise DtypeError(
            f"integer_pow: {dtype.name} to the power {exponent} "
            "has no value of that dtype"
        )
    return [TensorType(types[0].shape, dtype)]


def _integer_pow_reference(a: Any, exponent: int) -> list[Any]:
    with np.errstate(all="ignore"):
        power = np.ones_like(a)
        for _ in range(abs(exponent)):
            power = power * a
        return [(1 / power if exponent < 0 else power).astype(a.dtype)]


def _integer_pow_vjp(
    needed: Any, gs: Any, inputs: Any, outputs: Any, exponent: int
) -> list[Any]:
    if exponent == 0:
        return [None]
    a = inputs[0]
    slope = (
        scalar_like(a, exponent)
        if exponent == 1
        else (
            times(a, 2)
            if exponent == 2
            else times(ops.integer_pow(a, exponent=exponent - 1), exponent)
        )
    )
    return [ops.mul(gs[0], slope)]


integer_pow = _parametric(
    "integer_pow",
    21,
    _integer_pow_infer,
    _integer_pow_reference,
    _integer_pow_vjp,
    saves="i",
    cost=3,
    decomposition=formulae.integer_pow,
)
