"""Flat: tensors of many shapes as one buffer, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.dtypes import as_dtype

Bytes = NDArray[np.uint8]

# Each dtype's part begins at a multiple of so many bytes.
_ALIGNED = 64


@dataclass(frozen=True)
class Layout:
    """Which tensors lie in a flat buffer: those of one dtype side by side, the dtypes
    in the order of their first tensors.

    shapes, dtypes   of each tensor, dtypes by name
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    @staticmethod
    def of(tensors: Sequence[nx.Tensor]) -> Layout:
        return Layout(
            tuple(x.shape for x in tensors), tuple(x.dtype.name for x in tensors)
        )

    def __reduce__(self) -> Any:  # without what follows from these
        return Layout, (self.shapes, self.dtypes)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The dtypes that there are, each once."""
        return tuple(dict.fromkeys(self.dtypes))

    def members(self, kind: str) -> list[int]:
        """The numbers of the tensors of a dtype."""
        return [i for i, dtype in enumerate(self.dtypes) if dtype == kind]

    @cached_property
    def parts(self) -> tuple[tuple[int, int, np.dtype[Any]], ...]:
        """Where each dtype's part begins, how many elements it has, and of which NumPy
        dtype it is."""
        found, begin = [], 0
        for kind in self.kinds:
            count = sum(size_of(self.shapes[i]) for i in self.members(kind))
            dtype = np.dtype(as_dtype(kind).numpy)
            found.append((begin, count, dtype))
            begin += -(-count * dtype.itemsize // _ALIGNED) * _ALIGNED
        return tuple(found)

    @cached_property
    def bytes(self) -> int:
        begin, count, dtype = self.parts[-1]
        return begin + count * dtype.itemsize

    def joined(self, parts: Sequence[NDArray[Any]]) -> Bytes:
        """The buffer of the parts; of one part its own memory."""
        if len(parts) == 1:
            return parts[0].view(np.uint8)
        buffer = np.zeros(self.bytes, np.uint8)
        for part, given in zip(self.divided(buffer), parts, strict=True):
            part[...] = given
        return buffer

    def divided(self, buffer: Bytes) -> list[NDArray[Any]]:
        """The buffer's parts, in its memory."""
        return [
            buffer[begin : begin + count * dtype.itemsize].view(dtype)
            for begin, count, dtype in self.parts
        ]


def size_of(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def packed(tensors: Sequence[nx.Tensor]) -> list[nx.Tensor]:
    """The parts of the flat buffer that these tensors make: within a program."""
    layout = Layout.of(tensors)
    found = []
    for kind in layout.kinds:
        flats = [nx.reshape(tensors[i], (-1,)) for i in layout.members(kind)]
        found.append(nx.concat(flats) if len(flats) > 1 else flats[0])
    return found


def unpacked(parts: Sequence[nx.Tensor], layout: Layout) -> list[nx.Tensor]:
    """The tensors in the parts of a flat buffer: within a program."""
    found: dict[int, nx.Tensor] = {}
    for kind, part in zip(layout.kinds, parts, strict=True):
        begin = 0
        for i in layout.members(kind):
            shape = layout.shapes[i]
            end = begin + size_of(shape)
            found[i] = nx.reshape(part[begin:end], shape)
            begin = end
    return [found[i] for i in range(len(found))]


def tensors_of(layout: Layout, buffer: Bytes) -> Iterator[nx.Tensor]:
    """A flat buffer's parts as tensors on the current device."""
    for part, kind in zip(layout.divided(buffer), layout.kinds, strict=True):
        yield nx.tensor(part, dtype=as_dtype(kind))
