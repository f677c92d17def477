"""Omniglot as the recipes use it: training, validation and test characters."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from ..datasets import ClassDataset, Omniglot
from ..tasks.sampler import TaskSampler

Root = str | os.PathLike[str] | None
Characters = Mapping[str, ClassDataset]

VALIDATION_TASKS, VALIDATION_QUERIES = 200, 5
SPLIT = (
    "The classes are those of the fixed Vinyals split (1028 training, 172 validation "
    "and 423 test characters), so that no character is met in training and test."
)


class Setting(NamedTuple):
    """ways, shots and queries of a class."""

    ways: int
    shots: int
    queries: int


def omniglot(
    root: Root = None, *, rotated: tuple[str, ...] = ("train", "validation", "test")
) -> dict[str, ClassDataset]:
    """The three parts; those in `rotated` have each character turned by 0, 90, 180 and
    270 degrees as four classes. Raises MissingDataError if the files are not there."""
    return {
        split: Omniglot(root, split=split, rotations=split in rotated)
        for split in ("train", "validation", "test")
    }


def samplers(
    data: Characters, train: Setting, test: Setting, tasks: int, seed: int
) -> dict[str, TaskSampler]:
    """Endless training tasks; validation and test tasks of one setting, but that
    validation has at most five queries, for it is done often."""
    held_out = test._replace(queries=min(test.queries, VALIDATION_QUERIES))
    return {
        "train_tasks": TaskSampler(data["train"], *train, seed=seed),
        "validation_tasks": TaskSampler(
            data["validation"], *held_out, seed=seed, tasks=VALIDATION_TASKS
        ),
        "test_tasks": TaskSampler(data["test"], *test, seed=seed, tasks=tasks),
    }
