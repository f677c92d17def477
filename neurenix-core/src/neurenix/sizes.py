"""Counts elements: how many a tensor has, and how many it may have (what 64 bits can
count)."""

from __future__ import annotations

from typing import Any

from .dtypes import Dtype
from .errors import InvalidArgumentError, ShapeError

MOST_BYTES = 2**63 - 1


def check_size(name: str, shape: tuple[int, ...], dtype: Dtype) -> None:
    """Raises ShapeError where a tensor has more bytes than 64-bit engines can address.
    Axes of size 0 do not count: strides are made of the other ones.

    >>> from neurenix.dtypes import float32
    >>> check_size("zeros", (2, 3), float32)
    """
    nbytes = dtype.itemsize
    for n in shape:
        nbytes *= n or 1
    if nbytes > MOST_BYTES:
        raise ShapeError(
            f"{name}: a {dtype.name} tensor of shape {shape} would have "
            f"{'strides' if 0 in shape else 'a size'} of {nbytes} bytes; "
            "the limit is 2**63 - 1"
        )


class ElementCount(int):
    """How many elements a tensor has. Called, it is PyTorch's `size()`: the shape, or
    the length of one axis.

    >>> import neurenix as nx
    >>> x = nx.ones(2, 3)
    >>> x.size, x.size(), x.size(-1)
    (6, (2, 3), 3)
    """

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        if dim is None:
            return self.shape
        rank = len(self.shape)
        if not isinstance(dim, int) or not -rank <= dim < rank:
            raise InvalidArgumentError(
                f"size: dim={dim!r} of a tensor of rank {rank}; "
                f"expected {-rank} to {rank - 1}"
            )
        return self.shape[dim]

    def __reduce__(self) -> Any:
        return int, (int(self),)
