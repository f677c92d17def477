"""Dtypes in a device's memory, which holds words of 32 bits.

float32, int32 and uint32 fill a word each, and so does bool. Four uint8 lie in a word,
and two float16, which are float32 wherever they are not in memory.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurenix import dtypes
from neurenix.dtypes import Dtype
from neurenix.phynexus.plan.views import View
from neurenix.primitives import TensorType
from neurenix.primitives.sources import ConstantArray

from .dispatch_list import Words
from .kernel import Row

DTYPES = frozenset(
    {
        dtypes.float32,
        dtypes.int32,
        dtypes.uint32,
        dtypes.float16,
        dtypes.uint8,
        dtypes.bool_,
    }
)
_PACKED = {dtypes.uint8: "byte", dtypes.float16: "half"}


def element_bytes(dtype: Dtype) -> int:
    """The bytes of an element in the device's memory."""
    return dtype.itemsize if dtype in _PACKED else 4


def word_count(type: TensorType) -> int:
    """The words that a value fills."""
    return -(-int(type.size) * element_bytes(type.dtype) // 4)


def to_words(array: np.ndarray[Any, Any], dtype: Dtype) -> Words:
    flat = np.ascontiguousarray(array, dtype.numpy).reshape(-1)
    if dtype is dtypes.bool_:
        return flat.astype(np.uint32)
    missing = -flat.nbytes % 4 // flat.itemsize
    if missing:
        flat = np.concatenate([flat, np.zeros(missing, flat.dtype)])
    return flat.view(np.uint32)


def from_words(words: Words, type: TensorType) -> np.ndarray[Any, Any]:
    if type.dtype is dtypes.bool_:
        return words.astype(np.bool_).reshape(type.shape)
    return words.view(type.dtype.numpy)[: type.size].reshape(type.shape)


class Operand:
    """A view in the row of a kernel: how an element of it is read and written."""

    def __init__(self, row: Row, view: View, write: bool = False) -> None:
        self.packed = _PACKED.get(view.dtype)
        self.constant: str | None = None
        self.start = ""
        if not write and is_scalar_constant(view):
            self.constant = row.number(constant_word(view))
        elif self.packed:
            self.base = row.view(replace(view, offset=0), write)
            self.start = f"{row.number(view.offset)} + "
        else:
            self.base = row.view(view, write)

    def load(self, offset: str) -> str:
        """The word, in a register, of the element so far from the first."""
        if self.constant is not None:
            return self.constant
        if self.packed:
            return f"load_{self.packed}({self.base}, {self.start}{offset})"
        return f"load({self._at(offset)})"

    def store(self, offset: str, word: str) -> str:
        """The statement that writes it."""
        if self.packed:
            return f"store_{self.packed}({self.base}, {self.start}{offset}, {word});"
        return f"store({self._at(offset)}, {word});"

    def _at(self, offset: str) -> str:
        return self.base if offset == "0u" else f"{self.base} + {offset}"


def is_scalar_constant(view: View) -> bool:
    """Whether it is one constant everywhere, and can stand in the row itself."""
    root = view.root
    one = all(n == 1 or s == 0 for n, s in zip(view.shape, view.strides, strict=True))
    return one and isinstance(root, tuple) and root[0] == "constant"


def constant_word(view: View) -> int:
    """The word that such a constant is in a register."""
    constant: ConstantArray = view.root[1]
    value = constant.array.reshape(-1)[view.offset : view.offset + 1]
    if view.dtype is dtypes.float16:
        return int(value.astype(np.float32).view(np.uint32)[0])
    return int(to_words(value, view.dtype)[0])
