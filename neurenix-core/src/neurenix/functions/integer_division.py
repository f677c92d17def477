"""Floor division of integers of up to 32 bits, by integers alone: exact, also on
devices and in artefacts without float64."""

from __future__ import annotations

from typing import Any

from .. import dispatch
from ..backends import discovery
from ..dtypes import float64, uint32
from ..primitives import ops
from ..primitives.shorthands import scalar_like
from ..settings import current_device
from ..tensor import Tensor
from .operands import cast


def floats_divide(x: Tensor, y: Tensor) -> bool:
    """Whether these are divided now, on a device with float64, where it takes four
    operations and not forty. A program may be for another device."""
    if dispatch.recorder() is not None:
        return False
    where = x.device or y.device or current_device()
    capabilities = discovery.backend(where.type).capabilities(where.index)
    return float64 in capabilities.dtypes


def floor_quotient(a: Tensor, b: Tensor, divisor: int | None) -> Tensor:
    """⌊a / b⌋ of int32, uint32 or uint8, which the dtype's ends bound: so by 0 it is
    the end on a's side (0 of 0), and −2³¹ by −1 is 2³¹ − 1.

    divisor   the number that b is, if it is known

    Without the remainder a is a multiple of b, and division by an odd number is
    multiplication by its inverse modulo 2³² (Warren, "Hacker's Delight", 2nd edition,
    10-16); powers of two are shifted out before.
    """
    if a.dtype.kind == "uint":
        top = (1 << 8 * a.dtype.itemsize) - 1
        quotient, _ = _quotient(cast(a, uint32), cast(b, uint32), divisor, top)
        return cast(quotient, a.dtype)
    below_zero = [_is(x, 0, ops.less) for x in (a, b)]
    quotient, rest = _quotient(
        _size(a, below_zero[0]),
        _size(b, below_zero[1]),
        None if divisor is None else abs(divisor),
        1 << 31,
    )
    rounded = ops.add(quotient, cast(_is(rest, 0, ops.not_equal), uint32))
    most = scalar_like(quotient, (1 << 31) - 1)
    made = ops.where(
        ops.not_equal(*below_zero),
        ops.neg(rounded),
        ops.minimum(quotient, most),
    )
    return ops.bitcast(made, dtype=a.dtype)


def _size(x: Tensor, below_zero: Tensor) -> Tensor:
    """|x| of int32, as uint32, which holds 2³¹ too."""
    bits = ops.bitcast(x, dtype=uint32)
    return ops.where(below_zero, ops.neg(bits), bits)


def _quotient(
    a: Tensor, b: Tensor, divisor: int | None, by_zero: int
) -> tuple[Tensor, Tensor]:
    """⌊a / b⌋ and the remainder, of uint32; by 0, `by_zero` (0 of 0) and 0."""
    if divisor:
        rest = ops.remainder(a, b)
        shift = (divisor & -divisor).bit_length() - 1
        inverse = pow(divisor >> shift, -1, 1 << 32)
        whole = ops.shift_right(ops.sub(a, rest), scalar_like(a, shift))
        return ops.mul(whole, scalar_like(a, inverse)), rest
    none = _is(b, 0)
    some = ops.where(none, scalar_like(b, 1), b)
    rest = ops.remainder(a, some)
    ends = ops.where(_is(a, 0), a, scalar_like(a, by_zero))
    return ops.where(none, ends, _exact_quotient(ops.sub(a, rest), some)), rest


def _exact_quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b of uint32, where a is a multiple of b and b is not 0."""
    for bits in (16, 8, 4, 2, 1):
        low = ops.bitwise_and(b, scalar_like(b, (1 << bits) - 1))
        shift = ops.where(_is(low, 0), scalar_like(b, bits), scalar_like(b, 0))
        a, b = ops.shift_right(a, shift), ops.shift_right(b, shift)
    inverse = b  # of an odd number, in its lowest three bits; each turn doubles them
    for _ in range(4):
        error = ops.sub(scalar_like(b, 2), ops.mul(b, inverse))
        inverse = ops.mul(inverse, error)
    return ops.mul(a, inverse)


def _is(x: Tensor, number: int, compare: Any = None) -> Tensor:
    result: Tensor = (compare or ops.equal)(x, scalar_like(x, number))
    return result
