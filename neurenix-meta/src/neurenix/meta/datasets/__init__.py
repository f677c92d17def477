"""Data sets of classes, from which few-shot tasks are drawn."""

from .arrays import ArrayDataset
from .base import ClassDataset, MissingDataError
from .cifar import CIFARFS, FC100
from .domains import Domains
from .folders import ImageFolder
from .glyphs import Glyphs
from .image_files import CUB200, MiniImageNet
from .omniglot import Omniglot
from .splits import load_split

__all__ = [
    "ClassDataset",
    "ArrayDataset",
    "Domains",
    "ImageFolder",
    "Omniglot",
    "MiniImageNet",
    "CIFARFS",
    "FC100",
    "CUB200",
    "Glyphs",
    "MissingDataError",
    "load_split",
]
