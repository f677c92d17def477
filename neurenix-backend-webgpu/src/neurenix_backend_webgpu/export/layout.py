"""The heap of an artefact: where its weights, constants, inputs, outputs and scratch
lie, in words of 32 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurenix.phynexus.plan.place import ALIGNMENT
from neurenix.primitives.sources import ConstantArray

from ..lowering.storage import to_words, word_count

Array = np.ndarray[Any, Any]
# The dtypes of the web, and their letters in program.json.
DTYPES = {"float32": "f", "int32": "i", "uint32": "u", "uint8": "c", "bool": "b"}


class Heap:
    """Gives out words from 0 on, and keeps the constants that lie in them."""

    def __init__(self) -> None:
        self.words = 0
        self.constants: dict[ConstantArray, int] = {}

    def take(self, words: int) -> int:
        """Where so many words lie, on a line of memory of their own."""
        line = ALIGNMENT // 4
        at = self.words
        self.words += -(-max(words, 1) // line) * line
        return at

    def constant(self, value: ConstantArray) -> int:
        if value not in self.constants:
            self.constants[value] = self.take(word_count(value.type))
        return self.constants[value]

    def contents(self) -> list[tuple[int, Array]]:
        """Where each constant lies, and its words."""
        return [
            (at, to_words(c.array, c.type.dtype)) for c, at in self.constants.items()
        ]
