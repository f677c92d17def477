"""The interface that this room expects of a learner whose network reads the tasks."""

from __future__ import annotations

from typing import Protocol

from neurenix import nn
from neurenix.dtypes import Dtype

from .batches import Bucket
from .kinds import Kinds
from .targets import Targets


class Reader(Protocol):
    """A network with what it takes: `MetaLearner` is one."""

    model: nn.Module
    _kinds: Kinds

    @property
    def targets(self) -> Targets:
        """What the method's targets are: "classes", "values", or "either"."""
        ...

    @property
    def dtype(self) -> Dtype:
        """The floating dtype that tasks are converted to."""
        ...

    @property
    def kinds(self) -> Kinds:
        """What is decided of inputs and targets."""
        ...

    def targets_taken(self) -> Targets:
        """What the targets of its tasks may be."""
        ...

    def check_bucket(self, bucket: Bucket) -> None:
        """Refuse tasks that the network does not fit."""
        ...
