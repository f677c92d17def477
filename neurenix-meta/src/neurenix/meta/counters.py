"""Counter-based random numbers: stream (seed, index) is the same on any machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

Words = NDArray[np.uint64]

# Philox4x64 with ten rounds (Salmon, Moraes, Dror & Shaw 2011, "Parallel random
# numbers: as easy as 1, 2, 3"): the multipliers of a round, and what a key grows by.
_MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_STEPS = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_ROUNDS = 10
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
# Below so many streams NumPy's generator, one after the other, is faster.
_FEW = 16


def seed_of(name: str, value: object) -> int:
    """A seed that `name` is given, as an int of 64 bits; else an error."""
    seed = whole(name, "seed", value, 0)
    if seed >= 2**64:
        raise InvalidArgumentError(f"{name}: seed={seed}; expected one below 2**64")
    return seed


def uniform(seed: int, index: int, count: int) -> NDArray[np.float64]:
    """The first `count` numbers on [0, 1) of a seed's stream `index` (below 2**64).

    They are Philox's raw bits, which NumPy promises never to change, as it does not for
    the methods of its `Generator`.

    >>> bool((uniform(3, 7, 5)[:2] == uniform(3, 7, 2)).all())
    True
    """
    bits = np.random.Philox(key=np.array([seed, index], np.uint64)).random_raw(count)
    return _on_unit_interval(bits)


def uniforms(seed: int, start: int, streams: int, count: int) -> NDArray[np.float64]:
    """`uniform` of the streams from `start` on: [streams, count].

    >>> bool((uniforms(3, 7, 40, 5)[2] == uniform(3, 9, 5)).all())
    True
    """
    if streams < _FEW:
        return np.stack([uniform(seed, start + i, count) for i in range(streams)])
    blocks = -(-count // 4)
    first = np.arange(1, blocks + 1, dtype=np.uint64)[None, :]
    words = first, *(np.zeros((1, blocks), np.uint64) for _ in range(3))
    keys = (
        np.full((1, 1), seed, np.uint64),
        np.uint64(start) + np.arange(streams, dtype=np.uint64)[:, None],
    )
    bits = np.stack(_philox(words, keys), axis=-1).reshape(streams, -1)
    return _on_unit_interval(bits[:, :count])


def _philox(
    words: tuple[Words, ...], keys: tuple[Words, Words]
) -> tuple[Words, Words, Words, Words]:
    """Ten rounds on counters of four words, with keys of two; they broadcast."""
    a, b, c, d = words
    p, q = keys
    for _ in range(_ROUNDS):
        a, b, c, d = (
            _high(c, _MULTIPLIERS[1]) ^ b ^ p,
            c * _MULTIPLIERS[1],
            _high(a, _MULTIPLIERS[0]) ^ d ^ q,
            a * _MULTIPLIERS[0],
        )
        p, q = p + np.uint64(_STEPS[0]), q + np.uint64(_STEPS[1])
    return tuple(np.broadcast_arrays(a, b, c, d))  # type: ignore[return-value]


def _high(x: Words, y: np.uint64) -> Words:
    """The upper 64 bits of the products, by halves."""
    x_low, x_high, y_low, y_high = x & _LOW, x >> _HALF, y & _LOW, y >> _HALF
    middle = x_high * y_low + (x_low * y_low >> _HALF)
    other = x_low * y_high + (middle & _LOW)
    return x_high * y_high + (middle >> _HALF) + (other >> _HALF)


def _on_unit_interval(bits: Words) -> NDArray[np.float64]:
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
