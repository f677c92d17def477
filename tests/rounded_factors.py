"""Factors of a product as tensor cores take them, by precision: for expected values."""

from __future__ import annotations

import numpy as np


def tf32(x: np.ndarray) -> np.ndarray:
    """To 10 bits of fraction, to the nearest, of two the one away from 0."""
    bits = x.view(np.uint32).astype(np.uint64) + 0x1000
    return (bits & 0xFFFFE000).astype(np.uint32).view(np.float32)


def bfloat16(x: np.ndarray) -> np.ndarray:
    """To 7 bits of fraction, to the nearest, of two the even one."""
    bits = x.view(np.uint32).astype(np.uint64)
    bits += 0x7FFF + (bits >> 16 & 1)
    return (bits & 0xFFFF0000).astype(np.uint32).view(np.float32)


def exact(x: np.ndarray) -> np.ndarray:
    return x


ROUNDED = {"float32": exact, "tf32": tf32, "bfloat16": bfloat16}
