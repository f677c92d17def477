"""The heap of an artefact: where its weights, constants, inputs, outputs and scratch
lie, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurenix.primitives.sources import ConstantArray

from .words import aligned

Array = np.ndarray[Any, Any]


class Heap:
    """Gives out words from 0 on, and keeps the constants that lie in them."""

    def __init__(self) -> None:
        self.words = 0
        self.constants: dict[ConstantArray, int] = {}

    def take(self, words: int) -> int:
        at = self.words
        self.words += aligned(words)
        return at

    def constant(self, value: ConstantArray) -> int:
        if value not in self.constants:
            self.constants[value] = self.take(value.type.size)
        return self.constants[value]


def as_words(array: Array) -> Array:
    """The elements as words of 32 bits; bool and uint8 as whole words."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.astype(np.uint32) if flat.itemsize == 1 else flat.view(np.uint32)
