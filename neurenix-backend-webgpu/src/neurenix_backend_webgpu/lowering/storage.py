"""Dtypes in a device's memory, which holds words of 32 bits.

float32, int32 and uint32 fill a word each, and so do, for now, uint8 and bool.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurenix import dtypes
from neurenix.dtypes import Dtype
from neurenix.primitives import TensorType

from .dispatch_list import Words

DTYPES = frozenset(
    {dtypes.float32, dtypes.int32, dtypes.uint32, dtypes.uint8, dtypes.bool_}
)


def word_count(type: TensorType) -> int:
    """The words that a value fills."""
    return int(type.size)


def to_words(array: np.ndarray[Any, Any], dtype: Dtype) -> Words:
    flat = np.ascontiguousarray(array, dtype.numpy).reshape(-1)
    return flat.astype(np.uint32) if dtype.itemsize == 1 else flat.view(np.uint32)


def from_words(words: Words, type: TensorType) -> np.ndarray[Any, Any]:
    if type.dtype.itemsize == 1:
        return words.astype(type.dtype.numpy).reshape(type.shape)
    return words.view(type.dtype.numpy).reshape(type.shape)
