"""Reads and checks the support set that a user gives to adapt to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import neurenix as nx
from neurenix.errors import ShapeError

from .deciding import as_targets, decided, read_support, targets_of
from .kinds import Kinds
from .reader import Reader
from .reading import array_of, here
from .targets import class_numbers, ways_of
from .task import Given


class SupportSet(NamedTuple):
    """Inputs and targets on the current device.

    largest   the largest class that there can be; None where targets are no classes
    kinds     what it decides for the learner
    """

    x: nx.Tensor
    y: nx.Tensor
    largest: int | None
    kinds: Kinds

    @property
    def ways(self) -> int | None:
        """How many classes there are, where labels tell."""
        return None if self.largest is None else self.largest + 1


def support_set(learner: Reader, support_x: Given, support_y: Given) -> SupportSet:
    """What `adapt_to_task` is given, as a learner reads it.

    Raises InvalidArgumentError, ShapeError or DtypeError for what is no support set.
    """
    x, read_as = read_support(learner, support_x)
    x, labels = here(x), array_of("support_y", support_y)
    if not x.ndim or x.shape[:1] != labels.shape[:1] or not len(x):
        raise ShapeError(
            f"adapt_to_task: support_x of shape {x.shape} and support_y of shape "
            f"{labels.shape} must have one leading axis, of one or more examples"
            + ("" if labels.ndim else ": one is support_x[None], [support_y]")
        )
    targets = targets_of(learner, learner.kinds, [labels])
    labels = as_targets(learner, "support_y", labels, targets)
    largest = None
    if targets == "classes":
        numbers, width = class_numbers("support_y", labels)
        if learner.targets == "classes":  # each of them there
            ways_of("the support set", numbers, np.zeros(0, np.int32), width)
        largest = max(int(numbers.max()), (width or 1) - 1)
        y = nx.tensor(numbers)
    else:
        dtype = learner.dtype if labels.dtype.kind == "f" else nx.int32
        if isinstance(support_y, nx.Tensor):  # which stays on its device
            y = support_y.to(dtype)
        else:
            y = nx.tensor(labels, dtype=dtype)
    return SupportSet(x, here(y), largest, decided(learner, read_as, targets))
