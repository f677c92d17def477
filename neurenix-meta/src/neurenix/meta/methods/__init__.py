"""Meta-learning methods, a file each, and the parts that several of them share."""

from .embedding_based import EmbeddingBased
from .gradient_based import GradientBased
from .inner_loop import InnerLoop, InnerStep

__all__ = ["EmbeddingBased", "GradientBased", "InnerLoop", "InnerStep"]
