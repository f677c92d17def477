"""A list of tasks, checked on the host and stacked on the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import neurenix as nx
from neurenix.errors import InvalidArgumentError, ShapeError

from ..datasets import ClassDataset
from ..wording import in_words
from .batches import Bucket, ReadStacked, Source
from .deciding import as_targets, decided, inputs_of, targets_of
from .kinds import Kinds
from .reader import Reader
from .reading import array_of, kept_as, stored
from .targets import Array, class_numbers, ways_of

MEMBERS = ("support_x", "support_y", "query_x", "query_y")


def listed(tasks: Any) -> list[Any]:
    """The tasks of any iterable, as a list."""
    one = isinstance(tasks, Mapping) or (
        isinstance(tasks, tuple) and hasattr(tasks, "_fields")
    )
    if isinstance(tasks, ClassDataset):
        raise InvalidArgumentError(
            f"tasks is a data set, {type(tasks).__name__}; a sampler makes tasks of "
            "it: TaskSampler(dataset, ways=5, shots=1, queries=15)"
        )
    if isinstance(tasks, (nx.Tensor, np.ndarray)) or one:
        raise InvalidArgumentError(
            f"tasks is {in_words(tasks)}; expected a list of tasks, each of four "
            f"tensors ({', '.join(MEMBERS)}){': [task] for one' if one else ''}"
        )
    if not isinstance(tasks, Iterable) or isinstance(tasks, (str, bytes)):
        raise InvalidArgumentError(
            f"tasks of type {type(tasks).__name__}; expected a list of tasks, or a "
            "TaskSampler"
        )
    found = list(tasks)
    if not found:
        used_up = isinstance(tasks, Iterator)
        raise InvalidArgumentError(
            "there are zero tasks; give at least one"
            + (
                ". A generator or iterator can be gone through once: "
                "make a list of it, list(tasks), to use it again"
                if used_up
                else ""
            )
        )
    return found


def listed_source(learner: Reader, tasks: Sequence[Any], kinds: Kinds) -> Source:
    """A list of tasks, stacked in buckets in the order in which their shapes appear.

    kinds   how the learner reads tasks; what they leave open, all tasks together decide

    Raises InvalidArgumentError, ShapeError or DtypeError, naming the task, for what is
    no task, before anything is put on the device.
    """
    rows = [_four_arrays(number, task) for number, task in enumerate(tasks)]
    given = [array for row in rows for array in row]
    inputs = inputs_of(learner, kinds, [x for row in rows for x in row[::2]])
    targets = targets_of(learner, kinds, [y for row in rows for y in row[1::2]])
    dtype = learner.dtype
    read: list[tuple[list[Array], int | None, int | None]] = []
    for number, row in enumerate(rows):
        for i in (0, 2):
            row[i] = stored(f"task {number}: {MEMBERS[i]}", row[i], inputs)
        for i in (1, 3):
            name = f"task {number}: {MEMBERS[i]}"
            row[i] = as_targets(learner, name, row[i], targets)
        if targets == "classes":
            read.append(_with_classes(number, row, learner.targets == "classes"))
        else:
            read.append((row, None, None))
    groups: dict[Any, list[int]] = {}
    for number, (row, ways, _) in enumerate(read):
        key = (*((a.shape, a.dtype.kind) for a in row), row[0].dtype == np.uint8, ways)
        groups.setdefault(key, []).append(number)
    buckets = []
    for group in groups.values():
        data = []
        for i in range(4):
            column = np.stack([read[n][0][i] for n in group])
            kept = dtype if column.dtype.kind == "f" else nx.int32
            if i in (0, 2):
                kept = kept_as(column, inputs, dtype)
            data.append(nx.tensor(column, dtype=kept))
        known = [k for n in group if (k := read[n][2]) is not None]
        buckets.append(
            Bucket(
                ReadStacked(read[group[0]][1], dtype, inputs),
                tuple(data),
                np.arange(len(group), dtype=np.int32),
                max(known) if known else None,
            )
        )
    found = decided(learner, inputs, targets)
    numbers = [np.array(group) for group in groups.values()]
    return Source(buckets, numbers, found, given)


def _four_arrays(number: int, task: Any) -> list[Array]:
    if not isinstance(task, (tuple, list)) or len(task) != 4:
        kind = (
            f"has {len(task)} members"
            if isinstance(task, (tuple, list))
            else f"is a {type(task).__name__}"
        )
        raise InvalidArgumentError(
            f"task {number} {kind}; a task is four tensors: {', '.join(MEMBERS)}"
            f"{_remedy(task)}"
        )
    arrays = [array_of(f"task {number}: {n}", x) for n, x in zip(MEMBERS, task)]
    for x, y, part in ((0, 1, "support"), (2, 3, "query")):
        if arrays[x].shape[:1] != arrays[y].shape[:1] or not arrays[x].ndim:
            raise ShapeError(
                f"task {number}: {part}_x of shape {arrays[x].shape} and {part}_y of "
                f"shape {arrays[y].shape} must have one leading axis of examples"
            )
        if not len(arrays[x]):
            raise InvalidArgumentError(f"task {number} has no {part} examples")
    if arrays[0].shape[1:] != arrays[2].shape[1:]:
        raise ShapeError(
            f"task {number}: support examples of shape {arrays[0].shape[1:]} and query "
            f"examples of shape {arrays[2].shape[1:]}; the order is "
            f"{', '.join(MEMBERS)}"
        )
    return arrays


def _remedy(task: Any) -> str:
    """What to do with a task in a form that others use."""
    if isinstance(task, Mapping) and set(task) == set(MEMBERS):
        return ". Of such a dict: Task(**task)"
    pairs = isinstance(task, (tuple, list)) and len(task) == 2
    if pairs and all(isinstance(p, (tuple, list)) and len(p) == 2 for p in task):
        return ". Of two pairs: (*support, *query)"
    if pairs:
        return (
            ". Batches of (x, y) are no tasks: split the examples of each task into a "
            "support and a query set"
        )
    return ""


def _with_classes(
    number: int, row: list[Array], all_there: bool
) -> tuple[list[Array], int | None, int]:
    """A task with labels as class numbers; and its ways, where labels decide them."""
    name = f"task {number}"
    support, width = class_numbers(f"{name}: support_y", row[1])
    query, query_width = class_numbers(f"{name}: query_y", row[3])
    if width != query_width and None not in (width, query_width):
        raise ShapeError(
            f"{name}: support_y has {width} classes and query_y {query_width}"
        )
    ways = ways_of(name, support, query, width) if all_there else None
    largest = max(int(support.max()), int(query.max()), (width or 1) - 1)
    return [row[0], support, row[2], query], ways, largest
