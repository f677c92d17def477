"""Batches: tasks as a compiled step takes them.

Tasks are put on the device once, those of one shape stacked into a bucket. A step gets
the bucket and, for each of its tasks, a number: only numbers move.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurenix as nx
from neurenix.dtypes import Dtype
from neurenix.errors import InvalidArgumentError

from ..datasets.on_demand import ImagesOnDemand
from ..digests import digest_of
from .augmentation import COLUMNS, Augmentation
from .augmented import augmented
from .kinds import Kinds
from .reading import read
from .sampler import TaskSampler

# Tasks of a sampler drawn at once: many cost little more than one.
_DRAWN_AHEAD = 256

Numbers = NDArray[np.int64]


class Episode(NamedTuple):
    """One task inside a program: what a method's loss is a function of.

    support_x [n, ...], query_x [m, ...]   floats, or int32 tokens
    support_y, query_y                     int32 classes [n], or values
    ways                                   how many classes, where labels tell; static
    """

    support_x: nx.Tensor
    support_y: nx.Tensor
    query_x: nx.Tensor
    query_y: nx.Tensor
    ways: int | None

    @property
    def queries_apart(self) -> bool:
        """Whether a query must not see the others, though batch norm would let it: so
        a non-transductive evaluation asks."""
        return False


class EpisodeOfApartQueries(Episode):
    """A task whose queries must not see each other."""

    __slots__ = ()

    @property
    def queries_apart(self) -> bool:
        return True


# Takes one task out of what a bucket's tasks share or are stacked in.
Read = Callable[[Sequence[nx.Tensor], nx.Tensor], Episode]


@dataclass(frozen=True)
class ReadStacked:
    """Takes one task out of stacked ones. Static, so equal ones share a program."""

    ways: int | None
    dtype: Dtype
    inputs: str | None  # as of `Kinds`

    def __call__(self, data: Sequence[nx.Tensor], number: nx.Tensor) -> Episode:
        support_x, support_y, query_x, query_y = (nx.take(x, number) for x in data)
        return Episode(
            read(support_x, self.inputs, self.dtype),
            support_y,
            read(query_x, self.inputs, self.dtype),
            query_y,
            self.ways,
        )


@dataclass(frozen=True)
class ReadEpisode:
    """Takes one task out of a data set: `rows` are those of its support examples, class
    after class, and then of its queries; behind them what was drawn to change the
    images, where they are augmented."""

    ways: int
    shots: int
    queries: int
    dtype: Dtype
    inputs: str | None  # as of `Kinds`
    augment: Augmentation | None = None

    def __call__(self, data: Sequence[nx.Tensor], rows: nx.Tensor) -> Episode:
        total = self.ways * (self.shots + self.queries)
        x = read(nx.take(data[0], rows[:total]), self.inputs, self.dtype)
        if self.augment is not None:
            x = augmented(self.augment, x, rows[total:])
        cut = self.ways * self.shots
        classes = np.arange(self.ways, dtype=np.int32)
        return Episode(
            x[:cut],
            nx.tensor(classes.repeat(self.shots)),
            x[cut:],
            nx.tensor(classes.repeat(self.queries)),
            self.ways,
        )


@dataclass(frozen=True)
class Bucket:
    """Tasks of one shape, on the device.

    data      what all of them share or are stacked in
    picks     one row a task: what `read` needs to take it out of `data`
    largest   the largest label, where targets are classes
    """

    read: Read
    data: tuple[nx.Tensor, ...]
    picks: NDArray[np.int32]
    largest: int | None

    @property
    def classes(self) -> bool:
        return self.largest is not None

    def __len__(self) -> int:
        return len(self.picks)

    def first(self) -> Episode:
        """One of its tasks, to look at."""
        bucket, picks = self.loaded(self.picks[:1], 1)
        return bucket.read(bucket.data, nx.tensor(picks[0]))

    def loaded(
        self, picks: NDArray[np.int32], size: int
    ) -> tuple[Bucket, NDArray[np.int32]]:
        """The bucket with the data of these tasks, at most `size`, and their picks."""
        return self, picks


@dataclass(frozen=True)
class BucketOnDemand(Bucket):
    """Tasks of a data set whose images are read from files when a batch is made.

    images   what they are read from
    rows     how many examples a task has: as many of its picks are rows of `images`
    """

    images: ImagesOnDemand
    rows: int

    def loaded(
        self, picks: NDArray[np.int32], size: int
    ) -> tuple[Bucket, NDArray[np.int32]]:
        """With room for `size` tasks, so that one program serves a smaller batch, too.

        Raises DatasetError, naming it, for a file that cannot be read.
        """
        asked = picks[:, : self.rows].reshape(-1)
        data = np.zeros((size * self.rows, *self.images.shape[1:]), np.uint8)
        data[: len(asked)] = self.images[asked]
        own = picks.copy()
        own[:, : self.rows] = np.arange(len(asked), dtype=np.int32).reshape(
            len(own), -1
        )
        return Bucket(self.read, (nx.tensor(data),), own, self.largest), own


@dataclass(frozen=True)
class Batch:
    """What a step is given; `numbers` tells which tasks of the whole they are."""

    bucket: Bucket
    picks: NDArray[np.int32]
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def loaded(self, size: int) -> Batch:
        """With its data on the device, and room for `size` tasks."""
        bucket, picks = self.bucket.loaded(self.picks, size)
        return Batch(bucket, picks, self.numbers)


class Source:
    """Tasks in buckets, and the order in which training meets them.

    kinds     how a learner reads them
    content   the arrays that listed tasks were given as, all in order; kept until it
              is known whether a description is needed
    """

    def __init__(
        self,
        buckets: Sequence[Bucket],
        groups: Sequence[Numbers],
        kinds: Kinds,
        content: Sequence[NDArray[Any]] = (),
    ) -> None:
        self.buckets = list(buckets)
        self.kinds = kinds
        self.groups = list(groups)  # each bucket's tasks by their numbers in the whole
        self._content = content
        self._digest: str | None = None
        self._places: dict[int, tuple[Bucket, int]] | None = None
        self.next_task = 0  # of a sampler without end: where its next epoch begins

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self.buckets)

    def __getstate__(self) -> dict[str, Any]:  # for another process: no description
        return {**vars(self), "_content": (), "_places": None}

    @property
    def largest_batch(self) -> int | None:
        """The most tasks that a batch can have; None: no bound."""
        return max(len(bucket) for bucket in self.buckets)

    @property
    def makes_batches(self) -> bool:
        """Whether there is something to do for a batch before its step: tasks to be
        drawn, or files to be read."""
        return any(isinstance(bucket, BucketOnDemand) for bucket in self.buckets)

    def check_batch(self, size: int) -> None:
        """Refuse a number of tasks a step that cannot be."""

    def steps(self, size: int) -> int:
        """Batches in an epoch."""
        return sum(-(-len(bucket) // size) for bucket in self.buckets)

    def description(self) -> dict[str, Any]:
        """What tells these tasks from others, whichever learner reads them."""
        if self._digest is None:
            self._digest = digest_of(self._content)
            self._content = ()
        return {"count": len(self), "data": self._digest}

    def told_as(self) -> Hashable:
        """Equal for two sources of which whoever knows one knows the other, while both
        are there."""
        if self._digest is None and not self._content:
            return id(self)
        readers = tuple(bucket.read for bucket in self.buckets)
        return self.description()["data"], self.kinds, readers

    def without_content(self) -> None:
        """No description will be asked for: what it would be made of can go."""
        self._content = ()

    def epoch(
        self,
        size: int,
        order: np.random.Generator | None = None,
        skip: int = 0,
        *,
        load: bool = True,
    ) -> Iterator[Batch]:
        """Each task once, `size` at a time; shuffled, where there is an `order`, and
        from batch `skip` on. Without `load`, data that is read for each batch is not:
        somebody else will, from the numbers of its tasks."""
        batches = []
        for bucket, group in zip(self.buckets, self.groups):
            where = np.arange(len(bucket))
            if order is not None:
                order.shuffle(where)
            for start in range(0, len(where), size):
                part = where[start : start + size]
                batches.append(Batch(bucket, bucket.picks[part], group[part]))
        if order is not None and len(self.buckets) > 1:
            batches = [batches[i] for i in order.permutation(len(batches))]
        for batch in batches[skip:]:
            yield batch.loaded(size) if load else batch

    def batch_of(self, numbers: Numbers) -> Batch:
        """Some tasks of one bucket, by their numbers."""
        if self._places is None:
            self._places = {
                number: (bucket, row)
                for bucket, group in zip(self.buckets, self.groups)
                for row, number in enumerate(group.tolist())
            }
        bucket = self._places[int(numbers[0])][0]
        rows = [self._places[number][1] for number in numbers.tolist()]
        return Batch(bucket, bucket.picks[rows], numbers)


class EndlessSource(Source):
    """A sampler without end: an epoch is its next `steps_per_epoch` batches."""

    def __init__(
        self,
        sampler: TaskSampler,
        dtype: Dtype,
        kinds: Kinds,
        steps_per_epoch: int,
        augment: Augmentation | None = None,
    ) -> None:
        # The largest setting stands for all: what fits it fits the others.
        largest = _bucket(
            sampler, dtype, kinds, sampler.largest_setting, augment=augment
        )
        super().__init__([largest], [np.zeros(1, np.int64)], kinds)
        self.sampler = sampler
        self.augment = augment
        self.dtype = dtype
        self.steps_per_epoch = steps_per_epoch
        self._of_setting = {sampler.largest_setting: largest}

    @property
    def largest_batch(self) -> int | None:
        return None

    @property
    def makes_batches(self) -> bool:
        return True

    def steps(self, size: int) -> int:
        return self.steps_per_epoch

    def description(self) -> dict[str, Any]:
        return {**self.sampler.description(), "steps_per_epoch": self.steps_per_epoch}

    def told_as(self) -> Hashable:
        return _told_as(self, self.dtype)

    def __reduce__(self) -> Any:  # with the data set once, and not its device's copy
        given = self.sampler, self.dtype, self.kinds, self.steps_per_epoch, self.augment
        return EndlessSource, given

    def epoch(
        self,
        size: int,
        order: np.random.Generator | None = None,
        skip: int = 0,
        *,
        load: bool = True,
    ) -> Iterator[Batch]:
        self.next_task += skip * size
        steps = self.steps_per_epoch
        ahead = 1 if self.sampler.varies else max(1, _DRAWN_AHEAD // size)
        for first in range(skip, steps, ahead):
            last = min(first + ahead, steps)
            count = (last - first) * size
            rows = _rows(self.sampler, self.next_task, count, self.augment)
            bucket = self._bucket_of(self.sampler.setting(self.next_task))
            for part in rows.reshape(last - first, size, -1):
                numbers = np.arange(self.next_task, self.next_task + size)
                self.next_task += size
                batch = Batch(bucket, part, numbers)
                yield batch.loaded(size) if load else batch

    def batch_of(self, numbers: Numbers) -> Batch:
        first = int(numbers[0])
        rows = _rows(self.sampler, first, len(numbers), self.augment)
        return Batch(self._bucket_of(self.sampler.setting(first)), rows, numbers)

    def _bucket_of(self, setting: tuple[int, int]) -> Bucket:
        if setting not in self._of_setting:
            self._of_setting[setting] = _bucket(
                self.sampler, self.dtype, self.kinds, setting, augment=self.augment
            )
        return self._of_setting[setting]

    def check_batch(self, size: int) -> None:
        alike = self.sampler.tasks_per_setting
        if self.sampler.varies and alike % size:
            raise InvalidArgumentError(
                f"tasks_per_batch={size}, but ways and shots are drawn anew after "
                f"every {alike} tasks, and a batch needs tasks of one shape: give "
                f"TaskSampler(..., tasks_per_setting=n) a multiple of {size}"
            )


class SampledSource(Source):
    """All tasks of a sampler that has an end."""

    def __init__(
        self,
        sampler: TaskSampler,
        dtype: Dtype,
        kinds: Kinds,
        augment: Augmentation | None = None,
    ) -> None:
        numbers = np.arange(len(sampler))
        groups: dict[tuple[int, int], list[int]] = {}
        if sampler.varies:
            for number in numbers.tolist():
                groups.setdefault(sampler.setting(number), []).append(number)
        else:
            groups[sampler.largest_setting] = numbers.tolist()
        super().__init__(
            [
                _bucket(sampler, dtype, kinds, setting, group, augment)
                for setting, group in groups.items()
            ],
            [np.array(group) for group in groups.values()],
            kinds,
        )
        self.sampler = sampler
        self.augment = augment
        self.dtype = dtype

    def told_as(self) -> Hashable:
        return _told_as(self, self.dtype)

    def __reduce__(self) -> Any:
        return SampledSource, (self.sampler, self.dtype, self.kinds, self.augment)

    def description(self) -> dict[str, Any]:
        said = self.sampler.description()
        if self.augment is None:
            said.pop("augment", None)  # which changes these tasks in nothing
        return said


def _told_as(source: Source, dtype: Dtype) -> Hashable:
    """A sampler's tasks follow from its description, and from how they are read."""
    said = json.dumps(source.description(), sort_keys=True)
    return type(source), said, dtype, source.kinds


def _bucket(
    sampler: TaskSampler,
    dtype: Dtype,
    kinds: Kinds,
    setting: tuple[int, int],
    numbers: Sequence[int] = (),
    augment: Augmentation | None = None,
) -> Bucket:
    """Tasks of one setting; without numbers, one that is made up, to look at."""
    ways, shots = setting
    if not numbers:
        words = 1 if augment is None else 1 + COLUMNS
        rows = np.zeros((1, words * ways * (shots + sampler.queries)), np.int32)
    elif sampler.varies:
        rows = np.concatenate(
            [_rows(sampler, number, 1, augment) for number in numbers]
        )
    else:
        rows = _rows(sampler, numbers[0], len(numbers), augment)
    reader = ReadEpisode(ways, shots, sampler.queries, dtype, kinds.inputs, augment)
    images = sampler.dataset.examples
    if isinstance(images, ImagesOnDemand):
        total = ways * (shots + sampler.queries)
        return BucketOnDemand(reader, (), rows, ways - 1, images, total)
    return Bucket(reader, (sampler.device_examples(),), rows, ways - 1)


def _rows(
    sampler: TaskSampler, start: int, count: int, augment: Augmentation | None
) -> NDArray[np.int32]:
    indices = sampler.batch_indices(start, count)
    parts = [indices.support, indices.query]
    if augment is not None:
        parts.append(sampler.augmentations(start, count))
    return np.concatenate(parts, axis=1)
