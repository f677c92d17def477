"""Tasks that share no example: each example of a data set is dealt out at most once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..datasets import ClassDataset

Rows = NDArray[np.int64]


def most_disjoint_tasks(dataset: ClassDataset, ways: int, examples: int) -> int:
    """How many tasks of `ways` classes with `examples` of each `deal` makes.

    >>> from neurenix.meta.datasets import Glyphs
    >>> most_disjoint_tasks(Glyphs(classes=10), 5, 6)
    6
    """
    hands = dataset.counts // examples
    bounds = zip(dataset.domain_offsets, dataset.domain_offsets[1:], strict=False)
    return sum(
        int((hands[first:last] > turn).sum()) // ways
        for first, last in bounds
        for turn in range(int(hands[first:last].max(initial=0)))
    )


def deal(
    dataset: ClassDataset, ways: int, examples: int, rng: np.random.Generator
) -> tuple[Rows, Rows]:
    """Classes [tasks, ways] and rows of the data set [tasks, ways, examples].

    Each class's examples are shuffled and cut into hands of `examples`; in each round
    every class that has a hand left is put into one task, at most, with classes of its
    domain, at random. Tasks come in random order.
    """
    counts, offsets = dataset.counts, dataset.class_offsets
    shuffled = [
        offsets[c] + rng.permutation(counts[c]) for c in range(len(dataset.classes))
    ]
    hands = counts // examples
    made = []
    bounds = zip(dataset.domain_offsets, dataset.domain_offsets[1:], strict=False)
    for first, last in bounds:
        for turn in range(int(hands[first:last].max(initial=0))):
            there = first + np.flatnonzero(hands[first:last] > turn)
            order = rng.permutation(there)[: len(there) // ways * ways]
            for classes in order.reshape(-1, ways):
                cut = slice(turn * examples, (turn + 1) * examples)
                made.append((classes, [shuffled[c][cut] for c in classes]))
    rng.shuffle(made)
    classes = np.array([c for c, _ in made], np.int64).reshape(-1, ways)
    rows = np.array([r for _, r in made], np.int64).reshape(-1, ways, examples)
    return classes, rows
