"""The heap of an artefact: where its weights, constants, inputs, outputs and scratch
lie, in words of 32 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurenix.phynexus.plan.place import ALIGNMENT
from neurenix.primitives.sources import ConstantArray

from ..lowering.storage import to_words

Array = np.ndarray[Any, Any]
# The dtypes of the web, and their letters in program.json.
DTYPES = {"float32": "f", "int32": "i", "uint32": "u", "uint8": "c", "bool": "b"}
LETTERS = {**DTYPES, "float64": "d"}  # with that in which the runner adds up


def element_bytes(letter: str) -> int:
    """The bytes of an element in memory."""
    return {"c": 1, "d": 8}.get(letter, 4)


class Heap:
    """Gives out words from 0 on."""

    def __init__(self) -> None:
        self.words = 0

    def take(self, words: int) -> int:
        """Where so many words lie, on a line of memory of their own."""
        line = ALIGNMENT // 4
        at = self.words
        self.words += -(-max(words, 1) // line) * line
        return at


class Constants:
    """Values that never change, one behind the other in words."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, Array]] = []
        self._heap = Heap()
        self._places: dict[ConstantArray, int] = {}

    def at(self, value: ConstantArray) -> int:
        """Where a constant lies, in words; one that is there already, lies once."""
        if value not in self._places:
            self._places[value] = self.add(to_words(value.array, value.type.dtype))
        return self._places[value]

    def add(self, words: Array) -> int:
        at = self._heap.take(len(words))
        self.pieces.append((at, words))
        return at

    def words(self) -> Array:
        """All of them."""
        whole = np.zeros(self._heap.words, np.uint32)
        for at, words in self.pieces:
            whole[at : at + len(words)] = words
        return whole
