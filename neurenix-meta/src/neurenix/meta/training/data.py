"""The tasks of a run: those that it trains on, and those held out for validation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from ..method import Method
from ..tasks.batches import Source
from ..tasks.kinds import Kinds
from ..tasks.sources import Tasks, source_of
from .options import Training


@dataclass(frozen=True)
class Data:
    """Tasks on the device, checked.

    batch   tasks a meta-step
    kinds   what they decide of inputs and targets
    """

    source: Source
    validation: Source | None
    batch: int
    kinds: Kinds


def data_of(
    method: Method, tasks: Tasks, validation: Tasks | None, options: Training
) -> Data:
    """Reads what `meta_learn` is given.

    Raises InvalidArgumentError, ShapeError or DtypeError for what are no tasks, or do
    not fit the method, each other or the batch.
    """
    source = source_of(
        method, tasks, method.kinds, options.steps_per_epoch, training=True
    )
    kinds = method.kinds.joined(source.kinds, "these tasks")
    held_out = None
    if validation is not None:
        held_out = source_of(method, validation, kinds)
        kinds = kinds.joined(held_out.kinds, "the validation")
    size = _batch_size(options.tasks_per_batch, source.largest_batch)
    source.check_batch(size)
    return Data(source, held_out, size, kinds)


def _batch_size(tasks_per_batch: int, largest: int | None) -> int:
    """Tasks a step; fewer, and said so, where there are fewer tasks of one shape."""
    if largest is None or tasks_per_batch <= largest:
        return tasks_per_batch
    warnings.warn(
        f"tasks_per_batch={tasks_per_batch}, but there are {largest} tasks of one "
        f"shape: a batch has {largest}",
        stacklevel=5,  # the line that calls meta_learn
    )
    return largest
