"""How large a tensor may be at all: what 64 bits can count."""

from __future__ import annotations

from .dtypes import Dtype
from .errors import ShapeError

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
