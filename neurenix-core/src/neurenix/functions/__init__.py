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
    linear_algebra,
    matrices,
    reduction,
    shape,
    sorting,
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
    "linear_algebra",
    "matrices",
    "reduction",
    "shape",
    "sorting",
]
