"""The limits and preferences of a device, by which passes shape its programs."""

from __future__ import annotations

from dataclasses import dataclass

from ..dtypes import Dtype
from ..errors import InvalidArgumentError
from ..primitives import TensorType


@dataclass(frozen=True)
class Limits:
    """Sizes that passes and layouts keep to. The defaults are those of a processor that
    runs fused chains over blocks in its first-level cache.

    fused_operations   the most operations of a fused chain
    fused_inputs       the most values that a fused chain reads
    axes               the most axes of what is fused
    reading            (bytes, cost): reading a value of at least so many bytes costs as
                       much as so many simple operations on as many elements; writing
                       it costs twice that. The first pair that fits counts: sizes
                       fall, and the last one is 0
    channels_fastest   in the result of a convolution neighbouring channels lie beside
                       each other; else neighbours along the width do
    product_rows       a weight that several products, of at most so many rows each,
                       read across its rows is laid out once for all; 0: never
    storage            (dtype, bytes): an element takes so many in the device's memory,
                       as a bool does that is kept as a word; other dtypes take their
                       `itemsize`
    """

    fused_operations: int = 64
    fused_inputs: int = 24
    axes: int = 8
    reading: tuple[tuple[int, float], ...] = (
        (4 << 20, 8.0),
        (512 << 10, 4.0),
        (32 << 10, 1.5),
        (0, 0.5),
    )
    channels_fastest: bool = True
    product_rows: int = 64
    storage: tuple[tuple[Dtype, int], ...] = ()

    def __post_init__(self) -> None:
        sizes = [least for least, _ in self.reading]
        if min(self.fused_operations, self.fused_inputs, self.axes) < 1:
            raise InvalidArgumentError(f"{self}: the most of something is below 1")
        if sizes != sorted(sizes, reverse=True) or sizes[-1:] != [0]:
            raise InvalidArgumentError(
                f"Limits: the sizes in reading={self.reading} must fall, to 0"
            )
        for dtype, nbytes in self.storage:
            if nbytes < 1:
                raise InvalidArgumentError(
                    f"Limits: storage says that {dtype.name} takes {nbytes} bytes"
                )

    def cost_of_reading(self, nbytes: int) -> float:
        """
        >>> Limits().cost_of_reading(100), Limits().cost_of_reading(1 << 30)
        (0.5, 8.0)
        """
        return next(cost for least, cost in self.reading if nbytes >= least)

    def stored_bytes(self, type: TensorType) -> int:
        """The bytes that a tensor takes in the device's memory.

        >>> from neurenix.dtypes import bool_, float32
        >>> words = Limits(storage=((bool_, 4),))
        >>> [words.stored_bytes(TensorType((5,), d)) for d in (bool_, float32)]
        [20, 20]
        """
        for dtype, nbytes in self.storage:
            if dtype is type.dtype:
                return type.size * nbytes
        return type.nbytes


USUAL = Limits()
