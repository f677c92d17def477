"""Where `EmbeddingBased` was until November 2026, for programs that name this file."""

from .methods.embedding_based import EmbeddingBased

__all__ = ["EmbeddingBased"]
