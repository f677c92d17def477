"""Evaluation: scores of adapted networks over tasks, and what follows from them."""

from .comparison import Comparison
from .result import Evaluation

__all__ = ["Comparison", "Evaluation"]
