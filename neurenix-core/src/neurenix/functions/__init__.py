"""The array functions, by family. Their names and rules are NumPy's and PyTorch's."""

from . import (
    activation,
    arithmetic,
    arrangement,
    creation,
    draws,
    einsum,
    elementary,
    exchange,
    indexing,
    linear,
    linear_algebra,
    matrices,
    methods,
    reduction,
    selection,
    shape,
    sorting,
    statistics,
)
from .operators import install

install()

__all__ = [
    "activation",
    "arithmetic",
    "arrangement",
    "creation",
    "draws",
    "einsum",
    "elementary",
    "exchange",
    "indexing",
    "linear",
    "linear_algebra",
    "matrices",
    "methods",
    "reduction",
    "selection",
    "shape",
    "sorting",
    "statistics",
]
