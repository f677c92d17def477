"""The array functions, by family. Their names and rules are NumPy's and PyTorch's."""

from . import (
    activation,
    arithmetic,
    arrangement,
    creation,
    einsum,
    exchange,
    indexing,
    linear,
    matrices,
    reduction,
    shape,
)
from .operators import install

install()

__all__ = [
    "activation",
    "arithmetic",
    "arrangement",
    "creation",
    "einsum",
    "exchange",
    "indexing",
    "linear",
    "matrices",
    "reduction",
    "shape",
]
