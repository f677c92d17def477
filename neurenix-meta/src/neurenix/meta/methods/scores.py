"""Scores of class labels that several methods give."""

from __future__ import annotations

import neurenix as nx


def accuracy(logits: nx.Tensor, classes: nx.Tensor) -> nx.Tensor:
    """The share of rows [n, ways] whose largest is the class [n].

    >>> accuracy(nx.tensor([[0.2, 0.8], [0.9, 0.1]]), nx.tensor([1, 1])).item()
    0.5
    """
    return (logits.argmax(dim=1) == classes).float().mean()
