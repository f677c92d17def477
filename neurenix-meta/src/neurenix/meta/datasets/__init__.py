"""Data sets of classes, from which few-shot tasks are drawn."""

from .arrays import ArrayDataset
from .base import ClassDataset, MissingDataError
from .folders import ImageFolder
from .glyphs import Glyphs
from .omniglot import Omniglot
from .splits import load_split

__all__ = [
    "ClassDataset",
    "ArrayDataset",
    "ImageFolder",
    "Omniglot",
    "Glyphs",
    "MissingDataError",
    "load_split",
]
