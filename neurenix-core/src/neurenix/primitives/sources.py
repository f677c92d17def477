"""Values that come from nothing, or from a key: iota, constants, random bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import Dtype, as_dtype, uint32
from ..errors import DtypeError, ShapeError
from .control_map import BatchByMap
from .primitive import (
    PLAIN,
    InBasis,
    NotBatchable,
    NotDifferentiable,
    Primitive,
    Shape,
    TensorType,
    Traits,
    Value,
    literal,
    ops,
    register,
)
from .shorthands import cut, zeros


class ConstantArray:
    """A read-only array that can be a parameter: equal if its bytes are."""

    __slots__ = ("_hash", "_key", "array", "type")

    def __init__(self, array: np.ndarray[Any, Any], dtype: Dtype | None = None) -> None:
        self.array = np.array(array, order="C")
        self.array.setflags(write=False)
        self.type = TensorType(self.array.shape, dtype or as_dtype(array.dtype))
        self._key: Any = (self.type, self.array.tobytes())
        self._hash = hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConstantArray) and self._key == other._key

    def __repr__(self) -> str:
        return str(self.array.item()) if self.array.size == 1 else f"<{self.type}>"


_UNBATCHED = NotBatchable("it has no input")
_FREE = Traits(cost=None, free=True)
_NO_INPUT = NotDifferentiable("it has no input")


def _iota_infer(
    types: Sequence[Value], shape: Shape, axis: int, dtype: Dtype
) -> list[TensorType]:
    if not 0 <= axis < len(shape):
        raise ShapeError(f"iota: axis {axis} of shape {shape}")
    return [TensorType(tuple(shape), dtype)]


def _iota(shape: Shape, axis: int, dtype: Dtype) -> list[Any]:
    ramp = np.arange(shape[axis]).astype(dtype.numpy)
    along = [-1 if i == axis else 1 for i in range(len(shape))]
    return [np.asarray(np.broadcast_to(ramp.reshape(along), shape), order="C")]


iota = register(
    Primitive(
        name="iota",
        opcode=110,
        family="source",
        traits=_FREE,
        infer=_iota_infer,
        reference=_iota,
        vjp=_NO_INPUT,
        batch=_UNBATCHED,
        decomposition=InBasis("as a constant it takes memory"),
    )
)
constant = register(
    Primitive(
        name="constant",
        opcode=112,
        family="source",
        traits=_FREE,
        infer=lambda types, value: [value.type],
        reference=lambda value: [value.array],
        vjp=_NO_INPUT,
        batch=_UNBATCHED,
        decomposition=InBasis("an array that is uploaded"),
    )
)


def _random_infer(types: Sequence[Value], shape: Shape) -> list[TensorType]:
    key = types[0]
    if key.shape != (2,) or key.dtype is not uint32:
        raise DtypeError(
            "random_bits: the key must be uint32[2], "
            f"not {key.dtype.name}{list(key.shape)}"
        )
    return [TensorType(tuple(shape), uint32)]


def philox(key: Any, shape: Shape) -> list[Any]:
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, section 3): element e is lane
    e % 4 of the block with counter (e // 4, 0, 0)."""
    count = int(np.prod(shape, dtype=np.int64))
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    c0, c1 = blocks & low, blocks >> np.uint64(32)
    c2 = c3 = np.zeros_like(blocks)
    k0, k1 = (int(k) for k in key)
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    lanes = np.stack([c0, c1, c2, c3], -1).astype(np.uint32).reshape(-1)
    return [lanes[:count].reshape(shape)]


def _product_halves(a: Any, factor: int) -> tuple[Any, Any]:
    """The high and the low 32 bits of a product, by 16-bit digits."""
    mask, half = literal(0xFFFF, uint32), literal(16, uint32)
    a1, a0 = ops.shift_right(a, half), ops.bitwise_and(a, mask)
    b1, b0 = literal(factor >> 16, uint32), literal(factor & 0xFFFF, uint32)
    middle = ops.add(ops.mul(a1, b0), ops.shift_right(ops.mul(a0, b0), half))
    carried = ops.add(ops.mul(a0, b1), ops.bitwise_and(middle, mask))
    high = ops.add(
        ops.add(ops.mul(a1, b1), ops.shift_right(middle, half)),
        ops.shift_right(carried, half),
    )
    return high, ops.mul(a, literal(factor, uint32))


def _philox_in_32_bits(key: Any, shape: Shape) -> Any:
    count = math.prod(shape)
    blocks = -(-count // 4)
    if count == 0:
        return zeros(shape, uint32)
    c0 = ops.iota(shape=(blocks,), axis=0, dtype=uint32)
    c1 = c2 = c3 = zeros((blocks,), uint32)  # 2³² blocks do not fit an int32 index
    k0, k1 = cut(key, 0, 0, 1), cut(key, 0, 1, 2)
    for _ in range(10):
        high0, low0 = _product_halves(c0, 0xD2511F53)
        high1, low1 = _product_halves(c2, 0xCD9E8D57)
        c0 = ops.bitwise_xor(ops.bitwise_xor(high1, c1), k0)
        c2 = ops.bitwise_xor(ops.bitwise_xor(high0, c3), k1)
        c1, c3 = low1, low0
        k0 = ops.add(k0, literal(0x9E3779B9, uint32))
        k1 = ops.add(k1, literal(0xBB67AE85, uint32))
    lanes = [ops.reshape(c, shape=(blocks, 1)) for c in (c0, c1, c2, c3)]
    flat = ops.reshape(ops.concat(*lanes, axis=1), shape=(4 * blocks,))
    return ops.reshape(cut(flat, 0, 0, count), shape=shape)


random_bits = register(
    Primitive(
        name="random_bits",
        opcode=111,
        family="source",
        traits=PLAIN,
        infer=_random_infer,
        reference=philox,
        vjp=NotDifferentiable("bits"),
        batch=BatchByMap("random_bits"),
        decomposition=_philox_in_32_bits,
    )
)
