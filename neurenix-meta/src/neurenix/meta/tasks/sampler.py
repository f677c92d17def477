"""Episodes from a data set: which examples make task i, the same everywhere."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

import neurenix as nx
from neurenix.arguments import flag, whole
from neurenix.errors import IndexOutOfRangeError, InvalidArgumentError
from neurenix.keywords import check_keywords
from neurenix.tensor import Tensor, tensor

from ..counters import seed_of, uniform, uniforms
from ..datasets import ArrayDataset, ClassDataset
from ..identity.values_as_text import text_of
from .augmentation import LARGEST, Augmentation
from .augmented import augmented
from .disjoint import deal, most_disjoint_tasks
from .task import Task

# What a TaskSampler has; a subclass may add settings of its own.
_ATTRIBUTES = frozenset(
    {
        *("dataset", "ways", "_ways", "shots", "_shots", "queries", "seed", "one_hot"),
        *("tasks", "tasks_per_setting", "tasks_per_pass", "replacement"),
        *("_counts", "_pass", "augment"),
    }
)


S = TypeVar("S", bound="TaskSampler")


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

    Ways and shots may be ranges, (low, high) with both ends: each is drawn evenly, anew
    after every `tasks_per_setting` tasks, for the tasks of a meta-step must have one
    shape. Queries are the same number for each class. No mask is needed: tasks of one
    shape share a program.

    A learner that keeps `device_examples()` on its device needs only the numbers of
    `batch_indices`; `sampler[i]` gives the same task as tensors of its own.

    Args:
        dataset: where classes and examples come from; or a pair (X, y) of examples and
            their labels, of which `ArrayDataset` makes one.
        ways: classes in a task, or a range of them.
        shots: support examples of a class, or a range of them.
        queries: query examples of a class.
        seed: of the sequence of tasks, below 2**64.
        one_hot: labels as float32 rows [n, ways] instead of int32 numbers [n].
        tasks: how many tasks there are; without it the sequence has no end.
        tasks_per_setting: neighbouring tasks that have the same ways and shots, where
            these are ranges; a multiple of `tasks_per_batch` in training.
        augment: random changes of the images of training tasks. `meta_learn` makes them
            within the compiled step; `sampler[i]` has them, too. `evaluate` and
            validation leave the images as they are. Task i has its own: a sampler
            without end never shows the same image again.
        replacement: False: no example is in two tasks, until all that can be dealt out
            are (`tasks_per_pass` tasks); then a new pass begins. An interval over tasks
            that are drawn again and again from few images is too narrow
            (arXiv:2409.02850).

    Raises:
        InvalidArgumentError: sizes below 1, fewer than two ways, more ways than the
            data set (or one of its domains) has classes, or more examples than a class
            has (named); more tasks without replacement than there can be.

    >>> from neurenix.meta.datasets import Glyphs
    >>> varied = TaskSampler(Glyphs(classes=10), (2, 5), (1, 3), queries=3, seed=0)
    >>> [varied.setting(number) for number in (0, 12, 20)]
    [(3, 3), (4, 1), (2, 2)]
    >>> sampler = TaskSampler(Glyphs(classes=10), ways=5, shots=1, queries=3, seed=0)
    >>> sampler[0].support_x.shape, sampler[0].query_y.tolist()
    ((5, 1, 28, 28), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])
    >>> sampler.batch_indices(0, 32).query.shape
    (32, 15)
    >>> X, y = np.eye(8), np.arange(8) % 2
    >>> TaskSampler((X, y), ways=2, shots=1, queries=3)[0].query_x.shape
    (6, 8)
    """

    def __new__(cls: type[S], *args: Any, **kwargs: Any) -> S:
        check_keywords(cls, kwargs)
        made: Any = super().__new__
        return made(cls)

    def __init__(
        self,
        dataset: ClassDataset | tuple[ArrayLike, ArrayLike],
        ways: int | tuple[int, int],
        shots: int | tuple[int, int],
        queries: int,
        *,
        seed: int = 0,
        one_hot: bool = False,
        tasks: int | None = None,
        tasks_per_setting: int = 4,
        replacement: bool = True,
        augment: Augmentation | None = None,
    ) -> None:
        if isinstance(dataset, tuple) and len(dataset) == 2:
            dataset = ArrayDataset(*dataset)
        if not isinstance(dataset, ClassDataset):
            raise InvalidArgumentError(
                f"TaskSampler: the data set is a {type(dataset).__name__}; expected "
                "one of neurenix.meta.datasets, or a pair (X, y) of examples and their "
                "labels"
            )
        self.dataset = dataset
        self.ways, self._ways = _range("ways", ways, 2)
        self.shots, self._shots = _range("shots", shots, 1)
        kind = "TaskSampler"
        self.tasks_per_setting = whole(kind, "tasks_per_setting", tasks_per_setting, 1)
        self.queries = whole("TaskSampler", "queries", queries, 1)
        self.seed = seed_of("TaskSampler", seed)
        self.one_hot = one_hot
        self.tasks = None if tasks is None else whole("TaskSampler", "tasks", tasks, 1)
        fewest = int(np.diff(dataset.domain_offsets).min())
        most_ways, most_shots = self.largest_setting
        if most_ways > fewest:
            part = "" if len(dataset.domain_offsets) == 2 else "a domain with "
            raise InvalidArgumentError(
                f"{most_ways} ways asked of {dataset.name}, which has "
                f"{part}{fewest} classes"
            )
        self._counts = dataset.counts
        smallest = int(self._counts.argmin())
        if most_shots + self.queries > self._counts[smallest]:
            raise InvalidArgumentError(
                f"{most_shots} shots and {self.queries} queries need "
                f"{most_shots + self.queries} examples of a class; "
                f"{dataset.classes[smallest]!r} of {dataset.name} has "
                f"{self._counts[smallest]}"
            )
        self.augment = augment
        if augment is not None:
            _check_augmented(augment, dataset)
        self.replacement = flag("TaskSampler", "replacement", replacement)
        self.tasks_per_pass: int | None = None
        self._pass: tuple[int, Any] = (-1, None)
        if not self.replacement:
            self._check_disjoint(most_ways, most_shots + self.queries)

    def _check_disjoint(self, ways: int, examples: int) -> None:
        if self.varies:
            raise InvalidArgumentError(
                f"replacement=False with ways={self.ways} and shots={self.shots}; "
                "tasks without replacement have one number of each"
            )
        most = most_disjoint_tasks(self.dataset, ways, examples)
        self.tasks_per_pass = most
        if most < (self.tasks or 1):
            raise InvalidArgumentError(
                f"{self.tasks or 1} tasks without replacement asked of "
                f"{self.dataset.name}: {len(self.dataset.classes)} classes make {most} "
                f"of {ways} ways with {examples} examples of each"
            )

    @property
    def varies(self) -> bool:
        """Whether tasks differ in ways or shots."""
        return not isinstance(self.ways, int) or not isinstance(self.shots, int)

    @property
    def largest_setting(self) -> tuple[int, int]:
        """The most ways and the most shots that a task can have."""
        return self._ways[1], self._shots[1]

    def setting(self, number: int) -> tuple[int, int]:
        """The ways and shots of task `number`."""
        if not self.varies:
            return self.largest_setting
        # counted from the far end, so that no task has the same stream
        stream = 2**64 - 1 - operator.index(number) // self.tasks_per_setting
        first, second = uniform(self.seed, stream, 2)
        return _within(self._ways, first), _within(self._shots, second)

    def __repr__(self) -> str:
        end = "" if self.tasks is None else f", tasks={self.tasks}"
        return (
            f"TaskSampler({self.dataset.name}, {_shown(self._ways)}-way "
            f"{_shown(self._shots)}-shot, "
            f"queries={self.queries}, seed={self.seed}{end})"
        )

    def description(self) -> dict[str, Any]:
        """What its sequence of tasks depends on: of the data set its content, and of a
        subclass all its own attributes."""
        settings = ("ways", "shots", "queries", "seed", "one_hot", "tasks")
        more: dict[str, Any] = {}
        if self.varies:
            more["tasks_per_setting"] = self.tasks_per_setting
        if not self.replacement:
            more["replacement"] = 0
        if self.augment is not None:
            more["augment"] = text_of(self.augment)
        if type(self) is not TaskSampler:
            more["type"] = text_of(type(self))
            for name, value in vars(self).items():
                if name not in _ATTRIBUTES:
                    more[f"self.{name}"] = text_of(value)
        return {
            **{name: getattr(self, name) for name in settings},
            **more,
            "dataset": self.dataset.name,
            "split": self.dataset.split,
            "classes": len(self.dataset.classes),
            "domains": tuple(self.dataset.domain_offsets.tolist()),
            "examples": self.dataset.examples.shape,
            "data": self.dataset.digest,
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
        """Task `number` as tensors: x float32 [n, ...] (int32 of a data set of whole
        numbers), labels class after class."""
        support, query, support_y, query_y = self.batch_indices(number, 1)
        support_x, query_x = self._examples(support[0]), self._examples(query[0])
        if self.augment is not None:
            cut, words = len(support_x), tensor(self.augmentations(number, 1)[0])
            x = augmented(self.augment, nx.concat([support_x, query_x]), words)
            support_x, query_x = x[:cut], x[cut:]
        return Task(
            support_x,
            self._labels(support_y, number),
            query_x,
            self._labels(query_y, number),
        )

    def indices(self, number: int) -> EpisodeIndices:
        """The classes and examples of task `number`.

        Raises IndexError for a negative number, or one past the last task.
        """
        classes, rows, shots = self._draw(number, 1)
        return EpisodeIndices(classes[0], rows[0, :, :shots], rows[0, :, shots:])

    def batch_indices(self, start: int, count: int) -> BatchIndices:
        """The examples of the tasks from `start` to before `start + count`.

        Raises InvalidArgumentError if these are not all of one setting.
        """
        count = whole("TaskSampler", "count", count, 1)
        _, rows, shots = self._draw(start, count)
        ways = np.arange(rows.shape[1], dtype=np.int32)
        return BatchIndices(
            rows[..., :shots].reshape(count, -1).astype(np.int32),
            rows[..., shots:].reshape(count, -1).astype(np.int32),
            ways.repeat(shots),
            ways.repeat(self.queries),
        )

    def augmentations(self, start: int, count: int) -> NDArray[np.int32]:
        """What is drawn to change the images of the tasks from `start` to before `start
        + count`, as `Augmentation.words` gives it."""
        assert self.augment is not None
        height, width = self.dataset.example_shape[1:]
        setting = (*self.setting(start), self.queries)
        return self.augment.words(self.seed, start, count, setting, (height, width))

    def device_examples(self, device: Any = None) -> Tensor:
        """The whole data set on a device: see `ClassDataset.on_device`."""
        return self.dataset.on_device(device)

    def _draw(
        self, start: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Classes [count, ways], rows [count, ways, shots + queries], and shots."""
        first = operator.index(start)
        last = first + count - 1
        if first < 0 or (self.tasks is not None and last >= self.tasks):
            end = "" if self.tasks is None else f" to {self.tasks - 1}"
            wrong = first if first < 0 else last
            raise IndexOutOfRangeError(
                f"no task {wrong}: this sampler's go from 0{end}"
            )
        ways, shots = self.setting(first)
        if self.varies:
            for number in range(first, last + 1, self.tasks_per_setting):
                self._check_setting(first, number)
            self._check_setting(first, last)
        examples = shots + self.queries
        if not self.replacement:
            return *self._dealt(first, count, ways, examples), shots
        needed = ways * (1 + examples)
        numbers = uniforms(self.seed, first, count, needed + 1)
        # The last number chooses the domain, so that one domain needs none.
        offsets = self.dataset.domain_offsets
        domain = (numbers[:, needed] * (len(offsets) - 1)).astype(np.int64)
        classes = _distinct(numbers[:, :ways], np.diff(offsets)[domain])
        classes += offsets[domain][:, None]
        within = numbers[:, ways:needed].reshape(count, ways, examples)
        rows = _distinct(within, self._counts[classes])
        return classes, rows + self.dataset.class_offsets[classes][..., None], shots

    def _check_setting(self, first: int, number: int) -> None:
        if self.setting(number) != self.setting(first):
            raise InvalidArgumentError(
                f"tasks {first} and {number} differ in ways or shots, "
                f"{self.setting(first)} and {self.setting(number)}; one batch takes "
                f"tasks of one setting (tasks_per_setting={self.tasks_per_setting})"
            )

    def _dealt(
        self, first: int, count: int, ways: int, examples: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        assert self.tasks_per_pass is not None
        found = []
        for number in range(first, first + count):
            turn, place = divmod(number, self.tasks_per_pass)
            held = self._pass  # another thread may be in another pass
            if held[0] != turn:
                rng = np.random.Generator(
                    np.random.Philox(key=np.array([self.seed, turn], np.uint64))
                )
                self._pass = held = turn, deal(self.dataset, ways, examples, rng)
            classes, rows = held[1]
            found.append((classes[place], rows[place]))
        return np.stack([c for c, _ in found]), np.stack([r for _, r in found])

    def _examples(self, rows: NDArray[np.int32]) -> Tensor:
        examples = self.dataset.examples[rows]
        if examples.dtype == np.int32:
            return tensor(examples)
        return tensor(examples.astype(np.float32) * np.float32(self.dataset.scale))

    def _labels(self, labels: NDArray[np.int32], number: int) -> Tensor:
        rows = np.eye(self.setting(number)[0], dtype=np.float32)
        return tensor(rows[labels] if self.one_hot else labels)


def _check_augmented(augment: object, dataset: ClassDataset) -> None:
    if not isinstance(augment, Augmentation):
        raise InvalidArgumentError(
            f"TaskSampler: augment is a {type(augment).__name__}; expected an "
            "Augmentation, or None"
        )
    shape, dtype = dataset.example_shape, dataset.examples.dtype
    if len(shape) != 3 or shape[0] not in (1, 3) or dtype != np.uint8:
        raise InvalidArgumentError(
            f"TaskSampler: augment with {dataset.name}, whose examples are "
            f"{dtype}{list(shape)}; expected images, uint8 [channels, height, width]"
        )
    if max(shape[1:]) > LARGEST or augment.shift > min(shape[1:]):
        raise InvalidArgumentError(
            f"TaskSampler: augment, shift={augment.shift}, of images of {shape[1]} × "
            f"{shape[2]}; expected sides of at most {LARGEST}, and a shift of no more "
            "than a side"
        )
    if augment.quarter_turns and shape[1] != shape[2]:
        raise InvalidArgumentError(
            f"TaskSampler: quarter_turns of images of {shape[1]} × {shape[2]}; "
            "expected square ones"
        )


def _range(
    name: str, value: int | tuple[int, int], least: int
) -> tuple[int | tuple[int, int], tuple[int, int]]:
    """As it was given, and as a range."""
    if not isinstance(value, (tuple, list)):
        count = whole("TaskSampler", name, value, least)
        return count, (count, count)
    if len(value) != 2:
        raise InvalidArgumentError(
            f"TaskSampler: {name}={value!r}; expected a number or (low, high)"
        )
    low, high = (whole("TaskSampler", name, end, least) for end in value)
    if low > high:
        raise InvalidArgumentError(
            f"TaskSampler: {name}={value!r}: {low} is above {high}"
        )
    return (low if low == high else (low, high)), (low, high)


def _within(ends: tuple[int, int], uniform_number: float) -> int:
    return ends[0] + int(uniform_number * (ends[1] - ends[0] + 1))


def _shown(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


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
