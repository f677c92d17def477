"""Random words, which `random` draws, made into whole numbers, orders and choices."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import int32, uint32
from ..primitives import ops
from ..primitives.primitive import literal
from ..tensor import Tensor
from .reduction import argmax


def _word(value: int) -> Any:
    return literal(value, uint32)


def _high_product(a: Any, b: Any) -> Any:
    """The upper word of the product of two words, by their halves."""
    half, mask = _word(16), _word(0xFFFF)
    a1, a0 = ops.shift_right(a, half), ops.bitwise_and(a, mask)
    b1, b0 = ops.shift_right(b, half), ops.bitwise_and(b, mask)
    low = ops.shift_right(ops.mul(a0, b0), half)
    first = ops.add(ops.mul(a1, b0), low)
    second = ops.add(ops.mul(a0, b1), ops.bitwise_and(first, mask))
    carried = ops.add(ops.shift_right(first, half), ops.shift_right(second, half))
    return ops.add(ops.mul(a1, b1), carried)


def whole_numbers(words: Tensor, low: int, high: int) -> Tensor:
    """words uint32 [2, ...] -> int32 [...] from low to high − 1: low + ⌊w (high − low)⌋
    of a fraction w of 64 bits, so that shares differ by less than 2⁻³² of them."""
    offset, lower = words[0], words[1]
    if high - low < 2**32:  # else every word is one of the numbers
        span = _word(high - low)
        carry = _high_product(lower, span)
        sum_of_lows = ops.add(ops.mul(offset, span), carry)
        over = ops.cast(ops.less(sum_of_lows, carry), dtype=uint32)
        offset = ops.add(_high_product(offset, span), over)
    return ops.add(ops.bitcast(offset, dtype=int32), literal(low, int32))


def rounds_of_order(n: int) -> int:
    """The number of rounds in which to sort n numbers by random words, so that equal
    words do not matter: the chance that two are equal in every round is below 1/n."""
    return max(1, math.ceil(3 * math.log(max(n, 1)) / (32 * math.log(2))))


def order(words: Tensor) -> Tensor:
    """words uint32 [rounds, n] -> the numbers 0 to n − 1 in a random order, int32."""
    rounds, n = words.shape
    numbers = ops.iota(shape=(n,), axis=0, dtype=int32)
    for i in range(rounds if n else 0):
        places = ops.sort(words[i], axis=0)[1]
        numbers = ops.gather(numbers, places, axis=0, batch=0)
    return numbers


def choices(logits: Tensor, unit: Tensor) -> Tensor:
    """logits [..., C] and unit, uniform in [0, 1), [draws.., ..., C] -> classes int32
    [draws.., ...]: the largest of logits − log(−log u) (Gumbel 1954)."""
    noise = ops.neg(ops.log(ops.neg(ops.log(unit))))
    return argmax(ops.add(logits, noise), -1)
