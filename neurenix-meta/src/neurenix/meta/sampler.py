"""Episodes from a data set: which examples make task i, the same everywhere."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurenix.errors import InvalidArgumentError
from neurenix.tensor import Tensor, tensor

from .checks import check_seed, whole_number
from .counters import uniforms
from .datasets import ClassDataset
from .tasks import Task


class EpisodeIndices(NamedTuple):
    """Which examples one episode is made of, as rows of the data set.

    classes: int64 [ways].
    support: int64 [ways, shots].
    query: int64 [ways, queries].
    """

    classes: NDArray[np.int64]
    support: NDArray[np.int64]
    query: NDArray[np.int64]


class BatchIndices(NamedTuple):
    """Which examples several episodes are made of, class after class; all int32.

    support: [episodes, ways · shots] rows of the data set.
    query: [episodes, ways · queries].
    support_labels: [ways · shots], 0 to ways − 1, the same in each episode.
    query_labels: [ways · queries].
    """

    support: NDArray[np.int32]
    query: NDArray[np.int32]
    support_labels: NDArray[np.int32]
    query_labels: NDArray[np.int32]


class TaskSampler:
    """Tasks of `ways` classes, with `shots` support and `queries` query examples each.

    Task i is made from the numbers of Philox with the key (seed, i): the same in every
    process, order and batch. Within a task classes differ, and no example occurs twice.
    All classes of a task are of one domain, where the data set has several (`Domains`).

    A learner that keeps `device_examples()` on its device needs only the numbers of
    `batch_indices`; `sampler[i]` gives the same task as tensors of its own.

    Args:
        dataset: where classes and examples come from.
        ways: classes in a task.
        shots: support examples of a class.
        queries: query examples of a class.
        seed: of the sequence of tasks, below 2**64.
        one_hot: labels as float32 rows [n, ways] instead of int32 numbers [n].
        tasks: how many tasks there are; without it the sequence has no end.

    Raises:
        InvalidArgumentError: sizes below 1, fewer than two ways, more ways than the
            data set (or one of its domains) has classes, or more examples than a class
            has (named).

    >>> from neurenix.meta.datasets import Glyphs
    >>> sampler = TaskSampler(Glyphs(classes=10), ways=5, shots=1, queries=3, seed=0)
    >>> sampler[0].support_x.shape, sampler[0].query_y.tolist()
    ((5, 1, 28, 28), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    >>> sampler.batch_indices(0, 32).query.shape
    (32, 15)
    """

    def __init__(
        self,
        dataset: ClassDataset,
        ways: int,
        shots: int,
        queries: int,
        *,
        seed: int = 0,
        one_hot: bool = False,
        tasks: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.ways = whole_number("ways", ways, least=2)
        self.shots = whole_number("shots", shots)
        self.queries = whole_number("queries", queries)
        self.seed = check_seed(seed)
        self.one_hot = one_hot
        self.tasks = None if tasks is None else whole_number("tasks", tasks)
        fewest = int(np.diff(dataset.domain_offsets).min())
        if self.ways > fewest:
            part = "" if len(dataset.domain_offsets) == 2 else "a domain with "
            raise InvalidArgumentError(
                f"{self.ways} ways asked of {dataset.name}, which has "
                f"{part}{fewest} classes"
            )
        self._counts = dataset.counts
        smallest = int(self._counts.argmin())
        if self.shots + self.queries > self._counts[smallest]:
            raise InvalidArgumentError(
                f"{self.shots} shots and {self.queries} queries need "
                f"{self.shots + self.queries} examples of a class; "
                f"{dataset.classes[smallest]!r} of {dataset.name} has "
                f"{self._counts[smallest]}"
            )

    def __repr__(self) -> str:
        end = "" if self.tasks is None else f", tasks={self.tasks}"
        return (
            f"TaskSampler({self.dataset.name}, {self.ways}-way {self.shots}-shot, "
            f"queries={self.queries}, seed={self.seed}{end})"
        )

    def description(self) -> dict[str, Any]:
        """What its sequence of tasks depends on."""
        settings = ("ways", "shots", "queries", "seed", "one_hot", "tasks")
        return {
            **{name: getattr(self, name) for name in settings},
            "dataset": self.dataset.name,
            "split": self.dataset.split,
            "classes": len(self.dataset.classes),
            "domains": tuple(self.dataset.domain_offsets.tolist()),
            "examples": self.dataset.examples.shape,
        }

    def __len__(self) -> int:
        if self.tasks is None:
            raise TypeError("no end to this sampler; TaskSampler(..., tasks=n) has one")
        return self.tasks

    def __bool__(self) -> bool:
        return True  # without this, truth would ask for a length

    def __iter__(self) -> Iterator[Task]:
        numbers = itertools.count() if self.tasks is None else range(self.tasks)
        return (self[number] for number in numbers)

    def __getitem__(self, number: int) -> Task:
        """Task `number` as tensors: x float32 [n, ...], labels class after class."""
        support, query, support_y, query_y = self.batch_indices(number, 1)
        return Task(
            self._examples(support[0]),
            self._labels(support_y),
            self._examples(query[0]),
            self._labels(query_y),
        )

    def indices(self, number: int) -> EpisodeIndices:
        """The classes and examples of task `number`.

        Raises IndexError for a negative number, or one past the last task.
        """
        classes, rows = self._draw(number, 1)
        return EpisodeIndices(
            classes[0], rows[0, :, : self.shots], rows[0, :, self.shots :]
        )

    def batch_indices(self, start: int, count: int) -> BatchIndices:
        """The examples of the tasks from `start` to before `start + count`."""
        count = whole_number("count", count)
        _, rows = self._draw(start, count)
        ways = np.arange(self.ways, dtype=np.int32)
        return BatchIndices(
            rows[..., : self.shots].reshape(count, -1).astype(np.int32),
            rows[..., self.shots :].reshape(count, -1).astype(np.int32),
            ways.repeat(self.shots),
            ways.repeat(self.queries),
        )

    def device_examples(self, device: Any = None) -> Tensor:
        """The whole data set on a device: see `ClassDataset.on_device`."""
        return self.dataset.on_device(device)

    def _draw(
        self, start: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Classes [count, ways] and rows [count, ways, shots + queries]."""
        first = operator.index(start)
        last = first + count - 1
        if first < 0 or (self.tasks is not None and last >= self.tasks):
            end = "" if self.tasks is None else f" to {self.tasks - 1}"
            wrong = first if first < 0 else last
            raise IndexError(f"no task {wrong}: this sampler's go from 0{end}")
        examples = self.shots + self.queries
        needed = self.ways * (1 + examples)
        numbers = uniforms(self.seed, first, count, needed + 1)
        # The last number chooses the domain, so that one domain needs none.
        offsets = self.dataset.domain_offsets
        domain = (numbers[:, needed] * (len(offsets) - 1)).astype(np.int64)
        classes = _distinct(numbers[:, : self.ways], np.diff(offsets)[domain])
        classes += offsets[domain][:, None]
        within = numbers[:, self.ways : needed].reshape(count, self.ways, examples)
        rows = _distinct(within, self._counts[classes])
        return classes, rows + self.dataset.class_offsets[classes][..., None]

    def _examples(self, rows: NDArray[np.int32]) -> Tensor:
        examples = self.dataset.examples[rows].astype(np.float32)
        return tensor(examples * np.float32(self.dataset.scale))

    def _labels(self, labels: NDArray[np.int32]) -> Tensor:
        rows = np.eye(self.ways, dtype=np.float32)
        return tensor(rows[labels] if self.one_hot else labels)


def _distinct(
    uniform: NDArray[np.float64], sizes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Draws without replacement: k distinct numbers below each size, in random order.

    Args:
        uniform: [..., k] on [0, 1).
        sizes: [...].

    Draw j is one of the `size − j` numbers not yet taken, by its rank among them. A
    taken number s, the i-th in order, has s − i free ones below it; so the number of
    rank r lies above exactly the taken ones with s − i ≤ r.
    """
    drawn = np.empty(uniform.shape, np.int64)
    for j in range(uniform.shape[-1]):
        rank = (uniform[..., j] * (sizes - j)).astype(np.int64)
        free_below = np.sort(drawn[..., :j], axis=-1) - np.arange(j)
        drawn[..., j] = rank + (free_below <= rank[..., None]).sum(axis=-1)
    return drawn
