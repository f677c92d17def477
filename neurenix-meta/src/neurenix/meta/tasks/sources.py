"""Turns the tasks that a user gives into a source: checked, and on the device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from neurenix.arguments import whole
from neurenix.errors import InvalidArgumentError

from ..datasets.on_demand import ImagesOnDemand
from .batches import EndlessSource, SampledSource, Source
from .deciding import decided, inputs_of, targets_of
from .kinds import Kinds
from .listed import listed, listed_source
from .reader import Reader
from .reading import stored
from .sampler import TaskSampler
from .task import Given, Task

# What learners take: a sampler, or tasks of four parts each.
Tasks: TypeAlias = TaskSampler | Iterable[Task | Sequence[Given]]


def source_of(
    learner: Reader,
    tasks: Tasks,
    kinds: Kinds,
    steps_per_epoch: int | None = None,
    *,
    training: bool = False,
) -> Source:
    """Tasks on the device. What `kinds` leave open they decide: `source.kinds`.

    training   whether a sampler's augmentation counts

    Raises InvalidArgumentError, ShapeError or DtypeError for what are no tasks, are of
    other kinds, or do not fit the model.
    """
    endless = isinstance(tasks, TaskSampler) and tasks.tasks is None
    if steps_per_epoch is not None and not endless:
        raise InvalidArgumentError(
            "steps_per_epoch is for a TaskSampler without end; an epoch of other "
            "tasks is all of them"
        )
    augment = tasks.augment if isinstance(tasks, TaskSampler) and training else None
    if not isinstance(tasks, TaskSampler):
        source = listed_source(learner, listed(tasks), kinds)
    elif not endless:
        kinds = _kinds_of(learner, tasks, kinds)
        source = SampledSource(tasks, learner.dtype, kinds, augment)
    elif steps_per_epoch is None:
        raise InvalidArgumentError(
            "this TaskSampler has no end: TaskSampler(..., tasks=n) has one; "
            "for meta_learn, steps_per_epoch=n says how long an epoch is"
        )
    else:
        steps = whole("meta_learn", "steps_per_epoch", steps_per_epoch, 1)
        kinds = _kinds_of(learner, tasks, kinds)
        source = EndlessSource(tasks, learner.dtype, kinds, steps, augment)
    for bucket in source.buckets:
        learner.check_bucket(bucket)
    return source


def _kinds_of(learner: Reader, sampler: TaskSampler, kinds: Kinds) -> Kinds:
    """With what a sampler's tasks decide. The uint8 of a data set are pixels, as
    `sampler[i]` gives them, unless the network reads tokens."""
    examples = sampler.dataset.examples
    rows = sampler.batch_indices(0, 1).support[0]
    first = examples[rows]
    inputs = inputs_of(learner, kinds, [first])
    if inputs == "values" and examples.dtype == "uint8":
        kinds.joined(Kinds("pixels"), sampler.dataset.name)
    whole = first if isinstance(examples, ImagesOnDemand) else examples
    stored(sampler.dataset.name, whole, inputs)
    targets = targets_of(learner, kinds, [sampler.batch_indices(0, 1).support_labels])
    if targets == "values" and learner.targets_taken() == "either":
        kinds.joined(Kinds(targets="classes"), "a TaskSampler")
    return decided(learner, inputs, targets)
